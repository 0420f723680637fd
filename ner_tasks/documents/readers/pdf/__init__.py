"""PDF, read by PDFium: text with boxes, form fields, annotations, files inside, scanned pages."""
