"""The gate between labelled batches and a snapshot: what is judged, against what, and the page that shows it."""
