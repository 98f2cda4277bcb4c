"""What is printed or kept on paper: forms that were signed there, receipts and their words, as PDF too."""
