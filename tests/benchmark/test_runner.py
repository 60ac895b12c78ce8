from tests.benchmark.conftest import SMALL
import time
def test_x(run_plates, out, pixel_backbone):
    for i in range(3):
        t=time.time()
        c = run_plates("--experts", "1-2", *SMALL, *(["--overwrite"] if i==1 else []))
        print(c.code); print(c.out); print(c.err); print(time.time()-t)
    assert 0
