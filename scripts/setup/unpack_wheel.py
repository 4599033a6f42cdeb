"""Unpacks from TensorFlow's wheel what tfjs-node needs: unpack_wheel.py WHEEL FOLDER."""

import os
import shutil
import sys
import zipfile

wheel, folder = sys.argv[1:]
headers = ("tensorflow/include/tensorflow/", "tensorflow/include/tsl/")
libraries = ("tensorflow/libtensorflow_cc.so.2", "tensorflow/libtensorflow_framework.so.2")

with zipfile.ZipFile(wheel) as archive:
    for entry in archive.infolist():
        name = entry.filename
        if entry.is_dir():
            continue
        if name.startswith(headers):
            target = name[len("tensorflow/") :]
        elif name in libraries:
            target = "lib/" + os.path.basename(name)
        else:
            continue
        target = os.path.join(folder, target)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with archive.open(entry) as source, open(target, "wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)

for link, library in (
    ("libtensorflow.so", "libtensorflow_cc.so.2"),
    # The name by which tfjs-node's installer knows that the library is there.
    ("libtensorflow.so.2.9.1", "libtensorflow_cc.so.2"),
    ("libtensorflow_framework.so", "libtensorflow_framework.so.2"),
):
    os.symlink(library, os.path.join(folder, "lib", link))
