"""Names for controls of ipywidgets that readers who cannot see would meet without one."""

import ipywidgets

# ipywidgets 8 writes the name of a slider beside it, in a label that belongs to nothing, and tells a screen reader the
# number of the option instead of the option; the readout is a stop of the Tab key that does nothing. A row of toggle
# buttons has the same lone label, and shows which one is pressed by a colour only. No trait of a widget mends that.
SCRIPT = """
const set = (node, name, value) => node.getAttribute(name) === value || node.setAttribute(name, value)
const mend = box => {
  for (const row of box.querySelectorAll('.widget-slider')) {
    const [label, handle, readout] = ['.widget-label', '[role=slider]', '.widget-readout'].map(
      part => row.querySelector(part))
    if (!handle) continue
    set(handle, 'aria-label', label.textContent)
    set(handle, 'aria-valuetext', readout.textContent)
    set(readout, 'contenteditable', 'false')
  }
  for (const row of box.querySelectorAll('.widget-toggle-buttons')) {
    set(row, 'role', 'group')
    set(row, 'aria-label', row.querySelector('.widget-label').textContent)
    for (const button of row.querySelectorAll('button'))
      set(button, 'aria-pressed', String(button.classList.contains('mod-active')))
  }
}
const begin = tries => {
  const box = element.closest('.widget-vbox')
  if (!box) return tries && setTimeout(begin, 100, tries - 1)
  const seen = {subtree: true, childList: true, characterData: true, attributeFilter: ['aria-valuetext', 'class']}
  new MutationObserver(() => mend(box)).observe(box, seen)
  mend(box)
}
begin(100)
"""


def spoken_names() -> ipywidgets.Output:
    """Nothing to see: in the ipywidgets.VBox that holds it, sliders and rows of toggle buttons get their descriptions as names."""
    script = {"output_type": "display_data", "data": {"application/javascript": SCRIPT}, "metadata": {}}
    return ipywidgets.Output(outputs=(script,), layout={"display": "none"})
