"Loading digits when something is wrong: no network, a network that hangs, damaged archives and folders."
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
import io, shutil, socket, tarfile, threading, time

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
