"What stands below an exercise on the site: its hints, each folded, and the solution, folded behind a warning. From the tables of answers."
import html, re

from nbformat.v4 import new_markdown_cell

CHECK = re.compile(r"^check\('(\w+)', \w+\)$", flags=re.M)

def fold(summary, text, kind):
    "Markdown `text` behind a line that opens it, with the keyboard too"
    return f'<details class="exercise {kind}"><summary>{html.escape(summary)}</summary>\n\n{text}\n\n</details>'

def solution(e):
    "The right answer: code, or a value and why"
    if e.kind != 'predict': return f'```python\n{e.solution_text().rstrip()}\n```'
    return f'`{e.solution_text()}`. {e.why}'.strip()

def known(e):
    "How many mistakes it knows, and where to answer"
    return f'`check` knows {len(e.slips)} mistakes here by their names.'

def below(source, stem):
    "A list with the cell that stands below an exercise's cell, empty below any other. Raises `LookupError` for an unknown exercise."
    name = CHECK.search(source)
    if not name: return []
    from fastbook_sgd.practice import find_exercise
    e = find_exercise(name[1])
    if e is None: raise LookupError(f'{stem}: no table has the exercise {name[1]!r}')
    run = f'<p class="exercise-run"><a href="notebooks/{stem}.ipynb" download>Answer it in the notebook</a></p>'
    hints = [fold(f'Hint {i} of {len(e.hints)}', hint, 'hint') for i, hint in enumerate(e.hints, 1)]
    return [new_markdown_cell('\n\n'.join([run, *hints, fold('Try first: the solution', f'{solution(e)}\n\n{known(e)}', 'solution')]))]
