"""The documentation as a site: MkDocs' settings, and what is made from the code when the site is built."""
