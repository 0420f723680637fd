"""What each verb of the command line does. Each imports what it needs when it runs."""
