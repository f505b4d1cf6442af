"""What screens are shown, and where admins look after them."""
