"""What people see while a fit runs, and tables of what came out. Knows rich; never a task or a search."""
