"""Keeps generated videos small enough to be carried away: animated AVIF in one file without compression."""
import concurrent.futures
import io
import json
import tarfile

from PIL import Image


def encoded(frames, quality):
    pictures = [Image.fromarray(f) for f in frames]
    buffer = io.BytesIO()
    pictures[0].save(buffer, format="AVIF", save_all=True, append_images=pictures[1:], duration=125, quality=quality,
                     subsampling="4:4:4", speed=8)
    return buffer.getvalue()


def keep_videos(path, prompts, video, quality=75):
    """Writes TAR with 0000.avif, ... and prompts.json; video [n, F, 3, H, W] in [-1, 1]."""
    arrays = ((video.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 1, 3, 4, 2).cpu().numpy()
    with concurrent.futures.ThreadPoolExecutor(14) as pool, tarfile.open(path, "w") as tar:
        def add(name, data):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for i, data in enumerate(pool.map(lambda a: encoded(a, quality), arrays)):
            add(f"{i:04}.avif", data)
        add("prompts.json", json.dumps(prompts).encode())
