"""Build the site into _docs: pages from the notebooks, then Sphinx with warnings as errors, then what only the whole site can tell.

Sphinx, MyST-NB, the theme and KaTeX do the work. For the rest there are extensions (sphinx-sitemap, sphinx-notfound-page,
sphinxcontrib-katex, sphinxext-opengraph), each in the place of some five lines below or in docs/conf.py, and each one more to keep in
step with Sphinx; the first also wants an address, which a site read from files doesn't have."""
from pathlib import Path
import os, re, shutil, subprocess, sys, time

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
DOCS, PLAY, WORK, OUT = ROOT/'docs', ROOT/'play', ROOT/'_proc'/'docs', ROOT/'_docs'
sys.path.insert(0, str(DOCS))

def install_node(folder):
    "The very files that the package-lock.json in `folder` names, once and again when that changes"
    wanted, done = (folder/'package.json', folder/'package-lock.json'), folder/'node_modules'/'.installed'
    if done.exists() and done.stat().st_mtime >= max(p.stat().st_mtime for p in wanted): return
    npm = shutil.which('npm')
    if not npm: sys.exit('make docs needs Node.js, which renders the math and builds the playground: install it (it brings npm), then try again.')
    subprocess.run([npm, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], cwd=folder, check=True)
    done.touch()

def build_play(target):
    "The playground's scripts, one for each kind, and its style sheet, into `target`"
    done = subprocess.run([shutil.which('node') or 'node', 'build.mjs', str(target)], cwd=PLAY)
    if done.returncode: sys.exit('The playground was not built: mend what is named above.')

def sphinx():
    "Run Sphinx. After a failure the next build starts afresh, or it would not repeat the warnings of pages it has read."
    done = subprocess.run([sys.executable, '-m', 'sphinx', '-W', '-q', '-b', 'html', '-c', str(DOCS), '-d', str(WORK/'doctrees'), str(WORK/'pages'), str(OUT)])
    if done.returncode:
        shutil.rmtree(WORK/'doctrees', ignore_errors=True)
        sys.exit('The site was not built: mend what is named above.')

def copy_katex():
    "KaTeX's style sheet and fonts, the only ones that today's browsers take"
    dist, target = DOCS/'node_modules'/'katex'/'dist', OUT/'_static'/'katex'
    (target/'fonts').mkdir(parents=True, exist_ok=True)
    css = (dist/'katex.min.css').read_text(encoding='utf-8')
    (target/'katex.min.css').write_text(re.sub(r',url\([^)]*\.(?:woff|ttf)\) format\("\w+"\)', '', css), encoding='utf-8')
    for path in (dist/'fonts').glob('*.woff2'): shutil.copy2(path, target/'fonts')

def drop_icons():
    "The theme's two thousand icons: their script, their fonts, and what its style sheet says of each. site.css draws the dozen in use."
    static = OUT/'_static'
    shutil.rmtree(static/'vendor'/'fontawesome', ignore_errors=True)
    (static/'scripts'/'fontawesome.js').unlink(missing_ok=True)
    sheet = static/'styles'/'pydata-sphinx-theme.css'
    css = re.sub(r'@font-face\{[^}]*Font Awesome[^}]*\}', '', sheet.read_text(encoding='utf-8'))
    sheet.write_text(re.sub(r'\.fa-[\w-]+(?:,\.fa-[\w-]+)*\{--fa:[^}]*\}', '', css), encoding='utf-8')

def remove_stale(keep={'search'}):
    "Remove pages whose source is gone"
    for path in OUT.rglob('*.html'):
        name = path.relative_to(OUT).with_suffix('')
        if '_static' not in name.parts and str(name) not in keep and not any((WORK/'pages'/name).with_suffix(s).exists() for s in ('.md', '.ipynb')): path.unlink()

def shown_size(image):
    "Width and height in pixels of the page: a picture that says it has 200 dots an inch is shown at half its size"
    scale = 100/max(100, round(image.info.get('dpi', (100,))[0]))
    return [round(x*scale) for x in image.size]

def stilled(tag, page):
    "An animated picture, with its last frame for those whom motion disturbs; any other tag as it is"
    file = (page.parent/re.search(r'src="([^"]+)"', tag)[1]).resolve()
    if file.suffix != '.png' or not file.exists(): return tag
    image = Image.open(file)
    if getattr(image, 'n_frames', 1) < 2: return tag
    image.seek(image.n_frames - 1)
    still = file.with_name(f'{file.stem}-still.png')
    image.convert('RGB').quantize(128, dither=Image.Dither.NONE).save(still, optimize=True)
    return f'<picture><source media="(prefers-reduced-motion: reduce)" srcset="{Path(os.path.relpath(still, page.parent)).as_posix()}">{tag.replace("<img", "<img data-animated", 1)}</picture>'

def lighten():
    """Half of what a page would load is a script that draws icons, which site.css draws as well, and a sixth the old search, which only its
    own page runs: without them. Scripts wait for the page. Pictures say their size, so that the text doesn't jump, and are loaded when
    they come near. What a lesson is called stands above its title."""
    sizes = {}
    def img(tag):
        src = re.search(r'src="([^"]+)"', tag)[1]
        file = (page.parent/src).resolve()
        if 'width=' in tag or not file.exists() or file.suffix != '.png': return tag
        if file not in sizes: sizes[file] = shown_size(Image.open(file))
        return tag.replace('<img', '<img loading="lazy" decoding="async" width="{}" height="{}"'.format(*sizes[file]), 1)
    for page in OUT.rglob('*.html'):
        if '_static' in page.parts: continue
        text = page.read_text(encoding='utf-8')
        new = re.sub(r'<img\b[^>]*\bsrc="[^":]+"[^>]*>(?!</picture>)', lambda m: stilled(img(m[0]), page), text)
        new = re.sub(r'\s*<!-- So that users can add custom icons -->\s*<script[^>]*fontawesome\.js[^>]*></script>', '', new)
        new = re.sub(r'(<h1>(?:(?!</h1>).)*</h1>)\s*(<p class="eyebrow">.*?</p>)', r'\2\n\1', new, flags=re.S)
        if page.name != 'search.html':
            new = re.sub(r'\s*<script src="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"[^>]*></script>', '', new)
            new = re.sub(r'<script src="([^"]*_static/(?!documentation_options)[^"]*)"></script>', r'<script defer src="\1"></script>', new)
        if new != text: page.write_text(new, encoding='utf-8')

def root_the_404(url):
    "A server shows 404.html at any depth, so its links start from the site's root; opened as a file it stands there itself"
    base = '/' + url.split('/', 3)[3] if url else '/'
    path = OUT/'404.html'
    text = path.read_text(encoding='utf-8')
    text = re.sub(r'<head>(?!\s*<base)', f'<head>\n    <base href="{base}"><script>if (location.protocol === "file:") document.querySelector("base").remove()</script>', text, count=1)
    path.write_text(re.sub(r'href="#', 'href="404.html#', text), encoding='utf-8')

def sitemap(url):
    "The addresses of all pages"
    pages = sorted(p.relative_to(OUT).as_posix() for p in OUT.rglob('*.html') if '_static' not in p.parts and p.name not in ('404.html', 'search.html'))
    rows = ''.join(f'  <url><loc>{url}{page}</loc></url>\n' for page in pages)
    (OUT/'sitemap.xml').write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{rows}</urlset>\n', encoding='utf-8')

def main():
    "All of it"
    began = time.perf_counter()
    for folder in (DOCS, PLAY): install_node(folder)
    import pages
    try: pages.write(WORK)
    except (ValueError, LookupError) as e: sys.exit(f'The site was not built. {e}')
    url = pages.site_url(pages.settings())
    sphinx()
    copy_katex()
    build_play(OUT/'_static'/'play')
    drop_icons()
    remove_stale()
    lighten()
    root_the_404(url)
    sitemap(url or 'http://localhost:8000/')
    (OUT/'.nojekyll').touch()
    print(f'{time.perf_counter() - began:.0f} s. Open {OUT/"index.html"}, or `make docs-serve`.')

if __name__ == '__main__': main()
