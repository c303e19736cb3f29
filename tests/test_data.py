"Loading digits when something is wrong: no network, damaged or hostile pictures and archives, kills, two at once, a full disk."
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
import io, multiprocessing, os, shutil, socket, tarfile, tempfile, threading, time

import numpy as np, pytest, torch
from PIL import Image

from fastbook_sgd import data, sources

@pytest.fixture
def folder(tmp_path):
    "A tiny MNIST_SAMPLE, with two images in each half"
    root, names = tmp_path/'mnist_sample', []
    for half in sources.PARTS:
        (root/half).mkdir(parents=True)
        for i in range(2):
            Image.fromarray(np.full((28,28), 10*i + len(names), dtype=np.uint8)).save(root/half/f'{i}.png')
            names.append(f'{half}/{i}.png')
    (root/'labels.csv').write_text('name,label\n' + ''.join(f'{n},0\n' for n in names))
    return root

@pytest.fixture
def archive(folder, tmp_path): return Path(shutil.make_archive(tmp_path/'mnist_sample', 'gztar', tmp_path, 'mnist_sample')).rename(tmp_path/'mnist_sample.tgz')

@pytest.fixture
def cache(tmp_path, monkeypatch):
    "An empty place for fastai's downloads, whose checksums accept whatever is whole"
    import fastai.data.external as external
    home = tmp_path/'home'
    monkeypatch.delenv('FASTBOOK_SGD_DATA', raising=False)
    monkeypatch.setattr(external, 'fastai_path', lambda kind: home/kind)
    return home

def serve(monkeypatch, answer):
    "A server on this machine in the place of fastai's; `answer(handler)` plays its part"
    import fastai.data.external as external
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self): answer(self)
        def log_message(self, *args): pass
    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(external.URLs, 'MNIST_SAMPLE', f'http://127.0.0.1:{server.server_port}/mnist_sample.tgz')

def send(handler, body, length=None):
    handler.send_response(200)
    handler.send_header('Content-Length', str(length or len(body)))
    handler.end_headers()
    handler.wfile.write(body)

def accept_only(monkeypatch, archive):
    "Expect the size of `archive`, as fastai's list of checksums would"
    monkeypatch.setattr(sources, 'is_expected', lambda path, url: Path(path).stat().st_size == archive.stat().st_size)

def left_in(home): return sorted(p.name for p in home.rglob('*') if p.is_file() and p.suffix != '.png' or p.suffix == '.part')

def test_downloads_once_and_then_needs_no_network(cache, archive, monkeypatch):
    calls = []
    accept_only(monkeypatch, archive)
    serve(monkeypatch, lambda h: (calls.append(1), send(h, archive.read_bytes())))
    first, second = data.load_threes_sevens(), data.load_threes_sevens()
    assert len(calls) == 1 and first.source == second.source == 'mnist_sample'
    assert first.train_x.shape == (4, 784) and first.train_y[:,0].tolist() == [1,1,0,0]
    assert torch.equal(first.train_x, second.train_x) and first.train_x[2,0] == torch.tensor(2/255)

def test_no_network_falls_back_and_says_so(cache, monkeypatch, capsys):
    import fastai.data.external as external
    with socket.socket() as s: s.bind(('127.0.0.1', 0)); port = s.getsockname()[1]
    monkeypatch.setattr(external.URLs, 'MNIST_SAMPLE', f'http://127.0.0.1:{port}/mnist_sample.tgz')
    assert data.load_threes_sevens().source == 'digits'
    said = capsys.readouterr().out
    assert said.count('\n') == 1 and "MNIST_SAMPLE can't be had" in said and 'run again' in said
    with pytest.raises(OSError): data.load_threes_sevens('mnist_sample')

@pytest.mark.parametrize('halfway', [False, True])
def test_a_network_that_hangs_costs_seconds(cache, archive, monkeypatch, halfway):
    def hang(handler):
        if halfway: send(handler, archive.read_bytes()[:100], archive.stat().st_size)
        time.sleep(30)
    serve(monkeypatch, hang)
    begin = time.perf_counter()
    with pytest.raises(OSError): sources.find_mnist_sample(wait=1)
    assert time.perf_counter() - begin < 10
    assert left_in(cache) == []

def test_a_network_that_drips_is_given_up(cache, archive, monkeypatch):
    def drip(handler):
        send(handler, b'x', archive.stat().st_size)
        for _ in range(400): time.sleep(.05); handler.wfile.write(b'x'); handler.wfile.flush()
    serve(monkeypatch, drip)
    with pytest.raises(TimeoutError, match='too slow: stopped after 3.6 seconds'): sources.find_mnist_sample(wait=.3)
    assert left_in(cache) == []

def test_a_download_that_stops_halfway_leaves_nothing_and_the_next_run_works(cache, archive, monkeypatch):
    bodies = [archive.read_bytes()[:100], archive.read_bytes()]
    accept_only(monkeypatch, archive)
    serve(monkeypatch, lambda h: send(h, bodies.pop(0)))
    with pytest.raises(ValueError, match='damaged or incomplete: try again'): sources.find_mnist_sample()
    assert left_in(cache) == []
    assert data.load_threes_sevens('mnist_sample').train_x.shape == (4, 784)

def test_a_half_unpacked_cache_is_not_trusted(cache, folder, archive, monkeypatch):
    accept_only(monkeypatch, archive)
    serve(monkeypatch, lambda h: send(h, archive.read_bytes()))
    shutil.copytree(folder, cache/'data'/'mnist_sample')
    (cache/'data'/'mnist_sample'/'train'/'3'/'1.png').unlink()
    assert data.load_threes_sevens('mnist_sample').train_x.shape == (4, 784)

def test_a_damaged_archive_in_the_cache_is_fetched_again(cache, archive, monkeypatch):
    accept_only(monkeypatch, archive)
    serve(monkeypatch, lambda h: send(h, archive.read_bytes()))
    (cache/'archive').mkdir(parents=True)
    (cache/'archive'/'mnist_sample.tgz').write_bytes(b'no archive')
    assert data.load_threes_sevens('mnist_sample').source == 'mnist_sample'

def test_an_archive_without_all_its_files_is_refused(folder, tmp_path):
    (folder/'valid'/'7'/'0.png').unlink()
    made = shutil.make_archive(tmp_path/'cut', 'gztar', tmp_path, 'mnist_sample')
    with pytest.raises(ValueError, match='lacks files that its labels.csv lists'): sources.unpack_whole(made, tmp_path/'out'/'mnist_sample')
    assert list((tmp_path/'out').iterdir()) == []

def test_fastai_checksum_is_really_asked(cache, tmp_path):
    from fastai.data.external import URLs
    wrong = tmp_path/'archive'/'mnist_sample.tgz'
    wrong.parent.mkdir()
    wrong.write_bytes(b'x')
    assert sources.is_expected(wrong, URLs.MNIST_SAMPLE) is False
    real = Path(__file__).resolve().parents[2]/'shared'/'data'/'mnist_sample.tgz'
    if real.exists(): assert sources.is_whole(sources.unpack_whole(real, tmp_path/'out'/'mnist_sample'))

def test_the_environment_names_the_source(folder, monkeypatch):
    for value, source in [('digits', 'digits'), (str(folder), str(folder))]:
        monkeypatch.setenv('FASTBOOK_SGD_DATA', value)
        assert data.load_threes_sevens().source == source
    assert data.load_threes_sevens('digits').source == 'digits'  # what is asked for by name is not overridden
    monkeypatch.setenv('FASTBOOK_SGD_DATA', 'mnist')
    with pytest.raises(ValueError, match="unknown source FASTBOOK_SGD_DATA='mnist': expected 'auto', 'mnist_sample', 'digits'"): data.load_threes_sevens()

def test_a_folder_without_a_half_names_it(folder):
    shutil.rmtree(folder/'train'/'3')
    with pytest.raises(FileNotFoundError, match='no PNG files in train/3: expected all of train/3, train/7'): data.load_threes_sevens(folder)

def test_a_damaged_or_odd_image_is_named(folder):
    path = folder/'train'/'3'/'0.png'
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match='0.png is not a whole picture'): data.load_threes_sevens(folder)
    Image.fromarray(np.zeros((30,28), dtype=np.uint8)).save(path)
    with pytest.raises(ValueError, match=r'0.png has \[30, 28\] pixels, expected \[28, 28\]'): data.load_threes_sevens(folder)

def test_a_relative_folder_and_a_path_object_work(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    assert data.load_threes_sevens('mnist_sample/').source == 'mnist_sample/'
    assert len(data.load_threes_sevens(folder).valid_x) == 4

def test_loader_takes_any_tensors_and_shuffles_them_together():
    x = torch.arange(10)
    loader = data.TensorLoader(x, x*3, bs=4, shuffle=True, generator=torch.Generator().manual_seed(0))
    batches = list(loader)
    assert [len(xb) for xb, _ in batches] == [4, 4, 2] and len(loader) == 3
    assert all(torch.equal(yb, xb*3) for xb, yb in batches)
    assert sorted(torch.cat([xb for xb, _ in batches]).tolist()) == list(range(10))
    assert not torch.equal(torch.cat([xb for xb, _ in loader]), torch.cat([xb for xb, _ in loader]))

# Pictures: as they are meant, or refused by name

BAR = np.zeros((28,28), np.uint8)
BAR[5:20, 10:14] = [60, 255, 255, 120]
INK, DARK, LIGHT = Image.fromarray(BAR), Image.new('L', (28,28), 0), Image.new('L', (28,28), 255)

def saved(path, image, **options):
    image.save(path, **options)
    return path

def palette(numbers, levels):
    "A picture of numbers into a list of grey levels"
    image = Image.frombytes('P', (28,28), numbers.astype(np.uint8).tobytes())
    image.putpalette([level for level in levels for _ in 'RGB'])
    return image

def turn():
    "EXIF data that say: turn by 90° to see it upright"
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif

@pytest.mark.parametrize('image, options', [
    (Image.merge('RGBA', [DARK]*3 + [INK]), {}),                                   # black ink on transparent paper
    (Image.merge('RGBA', [LIGHT]*3 + [INK]), {}),
    (Image.merge('RGBA', [LIGHT, DARK, DARK, INK]), {}),                           # red ink
    (Image.merge('LA', [DARK, INK]), {}),
    (Image.merge('RGBA', [INK]*3 + [LIGHT]), {}),                                  # an opaque picture
    (Image.merge('LA', [INK, LIGHT]), {}),
    (Image.merge('RGB', [INK]*3), {}),
    (palette(3 - np.searchsorted([0, 60, 120, 255], BAR), [255, 120, 60, 0]), {}),
    (palette(BAR, [0]*256), dict(transparency=bytes(range(256)))),                 # a palette of blacks, each as opaque as its number
    (INK, dict(transparency=7)),                                                   # the transparent level is not in the picture
    (INK.transpose(Image.Transpose.ROTATE_90), dict(exif=turn())),
])
def test_ink_is_read_as_it_is_meant(tmp_path, image, options):
    assert np.array_equal(sources.read_picture(saved(tmp_path/'0.png', image, **options)), BAR)

@pytest.mark.parametrize('image, options, message', [
    (Image.merge('LA', [INK, DARK]), {}, '0.png is transparent everywhere'),
    (Image.merge('RGBA', [INK]*3 + [INK]), {}, '0.png has transparent parts and 3 colours'),
    (INK, dict(transparency=0), '0.png has transparent parts and 3 colours'),
    (Image.fromarray(BAR.astype(np.uint16)*200), {}, r'0.png has more than 8 bits a pixel \(I;16\)'),
    (Image.new('L', (30, 28)), {}, r'0.png has \[28, 30\] pixels'),
    (INK, dict(format='BMP'), '0.png is not a whole picture .its content is no PNG.: replace'),
    (INK, dict(format='JPEG'), '0.png is not a whole picture .its content is no PNG.: replace'),
    (Image.merge('RGB', [INK]*3), dict(format='EPS'), '0.png is not a whole picture .its content is no PNG.: replace'),
])
def test_a_picture_that_may_mean_something_else_is_refused_by_name(tmp_path, image, options, message):
    with pytest.raises(ValueError, match=message): data.image_tensor(saved(tmp_path/'0.png', image, **options))

@pytest.mark.filterwarnings('ignore::PIL.Image.DecompressionBombWarning')
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    path = saved(tmp_path/'0.png', Image.new('1', (2000, 2000)))
    for limit, message in ((3_000_000, r'0.png has \[2000, 2000\] pixels'), (1000, '0.png is not a whole picture')):
        monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', limit)
        with pytest.raises(ValueError, match=message): sources.read_picture(path)

def test_no_other_decoder_is_asked(tmp_path, monkeypatch):
    asked, wanted = [], Image.open
    monkeypatch.setattr(Image, 'open', lambda *args, formats=None, **kw: (asked.append(formats), wanted(*args, formats=formats, **kw))[1])
    for name, kind in (('a.png', 'PNG'), ('b.PNG', 'PNG'), ('c.jpg', 'JPEG'), ('d.JPEG', 'JPEG')):
        sources.read_picture(saved(tmp_path/name, INK, format=kind))
    assert asked == [['PNG'], ['PNG'], ['JPEG'], ['JPEG']]

def test_a_jpeg_is_read_as_one(tmp_path):
    assert np.abs(sources.read_picture(saved(tmp_path/'0.jpg', INK, quality=100)).astype(int) - BAR).max() < 12
    with pytest.raises(ValueError, match='0.JPG has pixels of the kind CMYK'):
        sources.read_picture(saved(tmp_path/'0.JPG', Image.merge('CMYK', [INK]*4), format='JPEG'))
    with pytest.raises(ValueError, match='its content is no JPEG'): sources.read_picture(saved(tmp_path/'1.jpeg', INK, format='PNG'))

def test_damaged_pictures_are_named_whatever_is_wrong(tmp_path):
    "300 pictures with bytes changed, left out or cut off: each is read, or named in a `ValueError`"
    draw = np.random.default_rng(0)
    for i in range(300):
        kind = ('png', 'jpg')[i % 2]
        path = saved(tmp_path/f'{i}.{kind}', INK)
        some = bytearray(path.read_bytes())
        for at in draw.integers(8, len(some), 1 + i % 5): some[at] = draw.integers(256)
        path.write_bytes(some[:draw.integers(1, len(some))] if i % 3 == 0 else some)
        try: assert sources.read_picture(path).shape == (28, 28)
        except ValueError as e: assert str(e).startswith(str(path)), e

def test_endings_of_any_case_are_taken(folder):
    before = data.load_folder(folder)
    for i, path in enumerate(sorted(folder.rglob('*.png'))):
        if i % 2: path.rename(path.with_suffix('.PNG'))
    assert all(torch.equal(a, b) for a, b in zip(before[:4], data.load_folder(folder)[:4]))
    for path in list(folder.rglob('*.png')): path.rename(path.with_suffix('.PNG'))
    assert all(torch.equal(a, b) for a, b in zip(before[:4], data.load_folder(folder)[:4]))
    saved(folder/'valid'/'7'/'9.Jpg', INK, format='JPEG')
    assert len(data.load_folder(folder).valid_x) == 5

@pytest.mark.parametrize('name', ['0.bmp', '0.png.txt', '0', 'more/0.png', '0.gif'])
def test_what_is_not_taken_is_named(folder, name):
    other = folder/'train'/'7'/name
    other.parent.mkdir(exist_ok=True)
    other.touch()
    with pytest.raises(ValueError, match=f"holds train.7.{name.split('/')[0]}, expected pictures alone"): data.load_threes_sevens(folder)

def test_what_systems_leave_is_let_be(folder):
    before = data.load_folder(folder)
    for name in ('.DS_Store', '._0.png', 'Thumbs.db', 'desktop.ini'): (folder/'train'/'7'/name).write_bytes(b'x')
    (folder/'train'/'7'/'.ipynb_checkpoints').mkdir()
    assert torch.equal(data.load_folder(folder).train_x, before.train_x)

# Archives and listings: nothing outside the folder

@pytest.mark.parametrize('name', ['/etc/hostname', '../mnist_sample/train/3/0.png', 'train/../../mnist_sample/train/3/0.png', 'C:/x.png', '\\x.png', 'train/3', 'none.png'])
def test_a_listing_that_leads_out_of_the_folder_is_not_whole(folder, name):
    assert sources.is_whole(folder)
    with open(folder/'labels.csv', 'a') as f: f.write(f'{name},0\n')
    assert not sources.is_whole(folder)

def test_an_empty_file_and_an_unreadable_listing_are_not_whole(folder):
    (folder/'train'/'3'/'0.png').write_bytes(b'')
    assert not sources.is_whole(folder)
    (folder/'labels.csv').write_bytes(b'name,label\n\xff\xfe\x00,0\n')
    assert not sources.is_whole(folder)

def member(name, kind=tarfile.REGTYPE, linkname='', mode=0o644):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, linkname, mode
    return info

def hostile(folder, path, *members):
    "An archive of the folder, and members of one's own"
    with tarfile.open(path, 'w:gz') as tar:
        tar.add(folder, 'mnist_sample')
        for info in members: tar.addfile(info, io.BytesIO(b'x'*info.size))
    return path

@pytest.mark.parametrize('filters', [True, False], ids=['with filters', 'a Python without filters'])
@pytest.mark.parametrize('members', [
    [member('../evil')], [member('/fastbook_sgd_evil')], [member('mnist_sample/../../evil')], [member('C:/evil')], [member('..\\evil')],
    [member('mnist_sample/link', tarfile.SYMTYPE, '/etc/hostname')], [member('mnist_sample/link', tarfile.LNKTYPE, 'mnist_sample/labels.csv')],
    [member('mnist_sample/up', tarfile.SYMTYPE, '..'), member('mnist_sample/up/evil')],
    [member('mnist_sample/pipe', tarfile.FIFOTYPE)], [member('mnist_sample/device', tarfile.CHRTYPE)],
    [member('mnist_sample/labels.csv/evil')],
], ids=lambda members: members[-1].name)
def test_hostile_archives_are_refused_and_leave_nothing(folder, tmp_path, monkeypatch, members, filters):
    if not filters:
        for name in ('data_filter', 'tar_filter', 'fully_trusted_filter'): monkeypatch.delattr(tarfile, name, raising=False)
    archive, target = hostile(folder, tmp_path/'a.tgz', *members), tmp_path/'out'/'mnist_sample'
    before = sorted(tmp_path.rglob('*'))
    with pytest.raises(ValueError, match='a.tgz is damaged .*: delete it and try again'): sources.unpack_whole(archive, target)
    assert sorted(tmp_path.rglob('*')) == sorted([*before, target.parent]) and not Path('/fastbook_sgd_evil').exists()

def test_permissions_in_an_archive_are_not_taken(folder, tmp_path):
    archive = hostile(folder, tmp_path/'a.tgz', member('mnist_sample/run', mode=0o6777))
    out = sources.unpack_whole(archive, tmp_path/'out'/'mnist_sample')
    assert (out/'run').stat().st_mode & 0o6111 == 0

def test_an_archive_whose_list_names_nothing_or_leads_out_is_refused(folder, tmp_path):
    for listing, named in (('name,label\n', 'labels.csv'), ('name,label\n../x.png,0\n', '../x.png')):
        (folder/'labels.csv').write_text(listing)
        with pytest.raises(ValueError, match=f"labels.csv lists, such as '{named}'"): sources.unpack_whole(hostile(folder, tmp_path/'a.tgz'), tmp_path/'out'/'mnist_sample')
    assert list((tmp_path/'out').iterdir()) == []

def test_damaged_archives_are_named_whatever_is_wrong(archive, tmp_path):
    "100 archives with bytes changed, or tar files with bytes changed inside: each is unpacked, or named in a `ValueError`"
    import gzip
    draw, plain = np.random.default_rng(0), gzip.decompress(archive.read_bytes())
    for i in range(100):
        some = bytearray(plain if i % 2 else archive.read_bytes())
        for at in draw.integers(0, len(some) // (4 if i % 2 else 1), 1 + i % 8): some[at] = draw.integers(256)
        damaged = tmp_path/'d.tgz'
        damaged.write_bytes(gzip.compress(bytes(some)) if i % 2 else some)
        try: sources.unpack_whole(damaged, tmp_path/'out'/'mnist_sample')
        except ValueError as e: assert 'd.tgz' in str(e), e
    assert [p.name for p in (tmp_path/'out').iterdir()] in ([], ['mnist_sample'])

# Interrupted, killed, two at once, a full disk, a folder that may not be written to

forks = pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs processes that are forked')

def in_a_process(f, *args):
    "A process that runs `f`, and a way to ask for what it returned or raised"
    context = multiprocessing.get_context('fork')
    ours, theirs = context.Pipe()
    def run():
        try: theirs.send(f(*args))
        except BaseException as e: theirs.send(e)
    process = context.Process(target=run, daemon=True)
    process.start()
    return process, lambda: ours.recv() if ours.poll(60) else 'no answer'

def litter(home): return [p for p in home.rglob('*') if p.name.endswith('.part')]

def eventually(f):
    "Wait until `f()` is true"
    for _ in range(600):
        if f(): return True
        time.sleep(.05)

@forks
def test_four_first_downloads_at_once(cache, archive, monkeypatch):
    calls = []
    accept_only(monkeypatch, archive)
    serve(monkeypatch, lambda h: (calls.append(1), time.sleep(.3), send(h, archive.read_bytes())))
    asked = [in_a_process(lambda: data.load_threes_sevens('mnist_sample').train_x.shape) for _ in range(4)]
    assert [answer() for _, answer in asked] == [(4, 784)]*4
    assert len(calls) == 1 and litter(cache) == []      # the others waited, and took what the first had fetched

def test_two_at_once_where_the_system_has_no_locks(cache, archive, monkeypatch):
    monkeypatch.setattr(sources, 'fcntl', None)
    accept_only(monkeypatch, archive)
    together = threading.Barrier(2, timeout=30)
    serve(monkeypatch, lambda h: (together.wait(), send(h, archive.read_bytes())))
    got = []
    threads = [threading.Thread(target=lambda: got.append(sources.find_mnist_sample())) for _ in range(2)]
    for t in threads: t.start()
    for t in threads: t.join(60)
    assert got == [cache/'data'/'mnist_sample']*2 and sources.is_whole(got[0]) and litter(cache) == []

def test_unpacking_at_once_in_threads(archive, tmp_path):
    target, got = tmp_path/'out'/'mnist_sample', []
    threads = [threading.Thread(target=lambda: got.append(sources.unpack_whole(archive, target))) for _ in range(6)]
    for t in threads: t.start()
    for t in threads: t.join(60)
    assert got == [target]*6 and sources.is_whole(target) and [p.name for p in target.parent.iterdir()] == ['mnist_sample']

@forks
@pytest.mark.parametrize('where', ['download', 'unpacking'])
def test_after_a_kill_the_next_run_works_and_cleans(cache, archive, monkeypatch, where):
    accept_only(monkeypatch, archive)
    stall = threading.Event()
    serve(monkeypatch, lambda h: (send(h, archive.read_bytes()[:100], archive.stat().st_size), stall.wait(20)) if where == 'download' and not stall.is_set() else send(h, archive.read_bytes()))
    with monkeypatch.context() as m:
        if where == 'unpacking': m.setattr(shutil, 'copyfileobj', lambda data, out: time.sleep(20))
        process, _ = in_a_process(sources.find_mnist_sample)
        assert eventually(lambda: any(p.is_file() for folder in litter(cache) for p in folder.rglob('*')) and (where == 'download' or any((cache/'data').glob('.*/new'))))
        process.kill()
        process.join()
    assert litter(cache) and not (cache/'data'/'mnist_sample').exists()
    stall.set()
    assert sources.is_whole(sources.find_mnist_sample()) and litter(cache) == []

def test_a_run_that_needs_nothing_cleans_too(cache, folder):
    shutil.copytree(folder, cache/'data'/'mnist_sample')
    for left in (cache/'data'/'.mnist_sample-x.part', cache/'archive'/'.mnist_sample.tgz-y.part'): (left/'new').mkdir(parents=True)
    assert sources.find_mnist_sample() == cache/'data'/'mnist_sample' and litter(cache) == []

def test_what_another_process_works_on_is_not_cleaned_away(tmp_path):
    if sources.fcntl is None: pytest.skip('no locks here')
    with sources.beside(tmp_path/'it') as own:
        sources.sweep(tmp_path/'it')
        assert own.exists()
        with pytest.raises(TimeoutError, match='another process works in'):
            with sources.beside(tmp_path/'it', wait=.1): pass
    assert list(tmp_path.iterdir()) == []

def test_without_locks_only_what_is_old_is_cleaned(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, 'fcntl', None)
    for name, age in (('.it-new.part', 60), ('.it-old.part', 7200)):
        (tmp_path/name).mkdir()
        os.utime(tmp_path/name, (time.time() - age,)*2)
    sources.sweep(tmp_path/'it')
    assert [p.name for p in tmp_path.iterdir()] == ['.it-new.part']

def with_small_files(f, *args):
    "As on a full disk: no file may grow beyond 1 kB"
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    return f(*args)

@forks
def test_a_full_disk_is_not_the_archives_fault(cache, folder, tmp_path, monkeypatch):
    (folder/'labels.csv').write_text((folder/'labels.csv').read_text().ljust(5000, '\n'))
    archive = Path(shutil.make_archive(tmp_path/'m', 'gztar', tmp_path, 'mnist_sample'))
    old = cache/'data'/'mnist_sample'
    (old/'train').mkdir(parents=True)
    _, answer = in_a_process(with_small_files, sources.unpack_whole, archive, old)
    assert isinstance(e := answer(), OSError) and f"{old} can't be written (File too large): make room" in str(e)
    serve(monkeypatch, lambda h: send(h, b'x'*5000))
    _, answer = in_a_process(with_small_files, sources.find_mnist_sample)
    assert isinstance(e := answer(), OSError) and "mnist_sample.tgz can't be written (File too large): make room" in str(e)
    assert [p.name for p in old.iterdir()] == ['train'] and litter(cache) == [] and not (cache/'archive'/'mnist_sample.tgz').exists()

def as_nobody(f, *args):
    if os.getuid() == 0: os.setuid(65534)
    return f(*args)

@forks
def test_a_folder_that_may_not_be_written_to_is_named_and_left(archive, folder, tmp_path):
    with tempfile.TemporaryDirectory() as place:
        place, shared = Path(place), Path(place)/'data'
        shutil.copytree(folder, shared/'mnist_sample')
        (shared/'mnist_sample'/'train'/'3'/'1.png').unlink()
        shutil.copy(archive, place/'a.tgz')
        before = sorted(place.rglob('*'))
        for p in (place, *before): p.chmod(0o755 if p.is_dir() else 0o644)
        shared.chmod(0o555)
        _, answer = in_a_process(as_nobody, sources.unpack_whole, place/'a.tgz', shared/'mnist_sample')
        assert isinstance(e := answer(), PermissionError) and "can't be written (Permission denied): make room or allow it, or choose another place" in str(e)
        shared.chmod(0o755)
        assert sorted(place.rglob('*')) == before

def test_a_link_stays_and_what_it_points_to_is_mended(archive, folder, tmp_path):
    (far := tmp_path/'far').mkdir()
    shutil.copytree(folder, far/'digits')
    (far/'digits'/'train'/'3'/'1.png').unlink()
    try: (tmp_path/'out').mkdir(); (tmp_path/'out'/'mnist_sample').symlink_to(far/'digits')
    except OSError: pytest.skip('no links here')
    sources.unpack_whole(archive, tmp_path/'out'/'mnist_sample')
    assert (tmp_path/'out'/'mnist_sample').is_symlink() and sources.is_whole(far/'digits')
    assert [p.name for p in far.iterdir()] == ['digits'] and [p.name for p in (tmp_path/'out').iterdir()] == ['mnist_sample']

def test_a_move_that_fails_puts_the_old_back(folder, tmp_path):
    with pytest.raises(FileNotFoundError): sources.move(tmp_path/'none', folder, tmp_path/'aside')
    assert sources.is_whole(folder) or folder.exists()
    shutil.rmtree(folder/'train')
    with pytest.raises(FileNotFoundError): sources.move(tmp_path/'none', folder, tmp_path/'aside')
    assert (folder/'valid').exists() and not (tmp_path/'aside').exists()

@pytest.mark.parametrize('answer', [b'nonsense\r\n\r\n', b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', b'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n', b''])
def test_an_odd_answer_falls_back_and_says_so(cache, monkeypatch, capsys, answer):
    import fastai.data.external as external
    with socket.create_server(('127.0.0.1', 0)) as server:
        def play():
            connection, _ = server.accept()
            with connection: connection.recv(1000); connection.sendall(answer)
        threading.Thread(target=play, daemon=True).start()
        monkeypatch.setattr(external.URLs, 'MNIST_SAMPLE', f'http://127.0.0.1:{server.getsockname()[1]}/mnist_sample.tgz')
        assert data.load_threes_sevens().source == 'digits'
    assert "MNIST_SAMPLE can't be had" in capsys.readouterr().out and litter(cache) == []

# The folder that the environment names

def test_a_relative_folder_in_the_environment_is_the_shells(folder, tmp_path, monkeypatch):
    (tmp_path/'nbs').mkdir()
    monkeypatch.chdir(tmp_path/'nbs')                                  # where a notebook runs
    monkeypatch.setenv('FASTBOOK_SGD_DATA', 'mnist_sample/../mnist_sample')
    monkeypatch.setenv('PWD', str(tmp_path))                           # where its shell is
    assert Path(data.load_threes_sevens().source).samefile(folder)
    shutil.copytree(folder, tmp_path/'nbs'/'mine')
    monkeypatch.setenv('FASTBOOK_SGD_DATA', 'mine')
    for pwd in (str(tmp_path), None):                                  # not in the shell's folder, or a system without PWD
        monkeypatch.setenv('PWD', pwd) if pwd else monkeypatch.delenv('PWD')
        assert data.load_threes_sevens().source == str(tmp_path/'nbs'/'mine')

def test_the_error_shows_where_a_folder_was_looked_for(tmp_path, monkeypatch):
    (tmp_path/'nbs').mkdir()
    monkeypatch.chdir(tmp_path/'nbs')
    monkeypatch.setenv('FASTBOOK_SGD_DATA', 'mine')
    monkeypatch.setenv('PWD', str(tmp_path))
    with pytest.raises(ValueError) as e: data.load_threes_sevens()
    assert str(e.value).endswith(f"there is no folder {tmp_path/'mine'} or {tmp_path/'nbs'/'mine'}")
    with pytest.raises(ValueError) as e: data.load_threes_sevens('mine')
    assert str(e.value).endswith(f"there is no folder {tmp_path/'nbs'/'mine'}")

def test_a_folder_in_the_home_is_found(folder, monkeypatch):
    for name in ('HOME', 'USERPROFILE'): monkeypatch.setenv(name, str(folder.parent))
    monkeypatch.setenv('FASTBOOK_SGD_DATA', '~/mnist_sample')
    assert len(data.load_threes_sevens().valid_x) == 4
