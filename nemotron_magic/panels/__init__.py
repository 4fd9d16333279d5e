"""The panel: settings, a place to ask, a preview and what it cost, in ipywidgets.

Everything is loaded when a panel is first opened.
"""
