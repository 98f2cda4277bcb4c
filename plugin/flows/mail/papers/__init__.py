"""What is printed or kept on paper: receipts as PDF."""
