"""The notebooks as a course: where they are, how they run, their cards, copies for students, and the site."""
