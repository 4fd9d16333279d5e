"""The panel: parameters, a place to ask, a preview and what it cost, as a widget.

Its page is drawn by one small program in `front`, from one state that the kernel keeps;
a widget for each control would take three messages each. It is loaded when a panel is
first opened.
"""
