"""A stand-in for Debitura's Referral and Collection Partner APIs over real HTTP: for the demo, for tests, for trying faults.

Start with `world.World` (what there is), `server.SandboxServer` (who answers) and `faults` (what goes wrong).
Nothing here imports the site's own rules: the sandbox is the other side of every proof.
"""
