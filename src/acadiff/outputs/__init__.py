"""What people open: imputed scans as BIDS derivatives, figures, the report."""
