"""What an engine must give, how engines are found, and how their claims are checked."""
