// Edit this rule: loaded when a reader asks for it.
import {loadPython, PythonFault} from './edit/python'

window.fastbookPlay ??= {}
window.fastbookPlay.edit = {loadPython, PythonFault}
