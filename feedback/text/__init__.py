"""What people and models wrote, made safe and readable."""
