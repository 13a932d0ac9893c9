"""What the source says and what Cordial was sent, kept between runs."""
