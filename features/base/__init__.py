"""What all else stands on: errors in words, files put in place safely, strangers' data bounded."""
