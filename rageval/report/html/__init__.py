"""Pages for the browser: one HTML file each, which needs no network and runs nothing but its own script."""
