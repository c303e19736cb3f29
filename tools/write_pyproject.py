"""Write pyproject.toml from settings.ini, the one place to edit.

nbdev and setuptools read pyproject.toml alone. settings.ini stays the place to edit because a requirement is one word there, and because
Python 3.10 reads it without a parser of TOML. `nbdev-migrate-config` writes the one from the other once, for a settings.ini that is then deleted."""
from configparser import ConfigParser
from pathlib import Path
import json
import re

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = '''# Written by tools/write_pyproject.py from settings.ini: edit that file, not this one.
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = {lib_name}
dynamic = ["version"]
description = {description}
readme = "README.md"
requires-python = {python}
license = {license}
license-files = ["LICENSE"]
authors = [{{ name = {author} }}]
keywords = {keywords}
classifiers = [
    "Development Status :: 4 - Beta", "Intended Audience :: Education", "Intended Audience :: Science/Research",
    "Framework :: Jupyter", "Topic :: Scientific/Engineering :: Artificial Intelligence", "Typing :: Typed",
    "Programming Language :: Python :: 3",
]
dependencies = {requirements}
{urls}
[project.optional-dependencies]
series = {series_requirements}
dev = {dev_requirements}
docs = {docs_requirements}

[project.entry-points.nbdev]
{lib} = "{lib}._modidx:d"

# The notebooks travel in the wheel: `python -m {lib} notebooks FOLDER` writes them out.
[tool.setuptools]
packages = [{lib_name}, "{lib}.notebooks", "{lib}.notebooks.images"]
package-dir = {{ "{lib}.notebooks" = {nbs_path}, "{lib}.notebooks.images" = "{nbs}/images" }}
include-package-data = false

[tool.setuptools.package-data]
{lib} = ["py.typed", "*.pyi"]
"{lib}.notebooks" = ["*.ipynb"]
"{lib}.notebooks.images" = ["*"]

[tool.setuptools.dynamic]
version = {{ attr = "{lib}.__version__" }}

[tool.nbdev]
lib_path = {lib_path}
nbs_path = {nbs_path}
doc_path = {doc_path}
branch = {branch}
allowed_metadata_keys = ["fastbook_sgd"]

[tool.pytest.ini_options]
testpaths = ["tests"]
'''

def read_settings(root=ROOT):
    "The `[DEFAULT]` section of settings.ini as a dict of strings"
    ini = ConfigParser()
    ini.read(root/'settings.ini', encoding='utf-8')
    return dict(ini.defaults())

def pyproject_text(settings):
    "What pyproject.toml must say for these settings"
    url = settings['git_url']
    texts = {k: json.dumps(v) for k, v in settings.items()}
    lists = {k: json.dumps(settings[k].split()) for k in ('keywords', 'requirements', 'series_requirements', 'dev_requirements', 'docs_requirements')}
    urls = f'\n[project.urls]\nRepository = {json.dumps(url)}\n' if url else ''
    return TEMPLATE.format(**{**texts, **lists}, lib=settings['lib_name'], nbs=settings['nbs_path'], urls=urls,
                           python=json.dumps('>=' + settings['min_python']))

def write_version(settings, root=ROOT):
    "Put the version where Python reads it"
    path = root/settings['lib_name']/'__init__.py'
    text = re.sub('^__version__ = .*$', f'__version__ = "{settings["version"]}"', path.read_text(encoding='utf-8'), flags=re.M)
    path.write_text(text, encoding='utf-8', newline='\n')

def version_in(path):
    "The version that an `__init__.py` says, or None"
    found = path.is_file() and re.search('^__version__ = "(.*)"$', path.read_text(encoding='utf-8'), flags=re.M)
    return found[1] if found else None

def follow_bump(root=ROOT):
    "`nbdev-bump-version` writes the package's version: where that is the higher one, settings.ini follows. Returns the settings."
    settings = read_settings(root)
    bumped = version_in(root/settings['lib_name']/'__init__.py')
    numbers = lambda v: [int(n) for n in re.findall(r'\d+', v)]
    if bumped and numbers(bumped) > numbers(settings['version']):
        path = root/'settings.ini'
        text = re.sub('^version = .*$', f'version = {bumped}', path.read_text(encoding='utf-8'), flags=re.M)
        path.write_text(text, encoding='utf-8', newline='\n')
    return read_settings(root)

def main():
    "Write both files"
    settings = follow_bump()
    (ROOT/'pyproject.toml').write_text(pyproject_text(settings), encoding='utf-8')
    write_version(settings)

if __name__ == '__main__': main()
