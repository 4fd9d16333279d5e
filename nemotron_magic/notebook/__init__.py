"""The notebook's side: everything that needs a running IPython shell."""
