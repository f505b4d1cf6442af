# One image for the site, the worker, the beat and the migration; docker-compose.yml says which command each runs.

FROM python:3.11-slim AS packages
COPY requirements/run.txt /run.txt
RUN python -m venv /opt/feeboard \
 && /opt/feeboard/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement /run.txt

FROM python:3.11-slim
RUN groupadd --gid 10001 feeboard \
 && useradd --uid 10001 --gid feeboard --no-create-home --home-dir /app --shell /usr/sbin/nologin feeboard \
 && install --directory --owner feeboard --group feeboard /var/lib/feeboard
COPY --from=packages /opt/feeboard /opt/feeboard
WORKDIR /app
COPY . .
ENV PATH=/opt/feeboard/bin:$PATH PYTHONUNBUFFERED=1
# The key is thrown away with this step: collecting files signs nothing.
RUN SECRET_KEY=for-this-step-only python manage.py collectstatic --noinput --verbosity 0 \
 && python -m compileall -q .
# Code and static files belong to root: the site can read them and not change them.
USER 10001:10001
EXPOSE 8000
CMD ["gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000", "--workers", "2", "--threads", "4", \
     "--worker-tmp-dir", "/dev/shm", "--no-control-socket", "--access-logfile", "-", \
     "--logger-class", "config.access_log.AccessLog"]
