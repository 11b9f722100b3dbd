"""Ends its first thread while another one runs on: /proc shows a zombie that is alive."""

import ctypes
import threading
import time

threading.Thread(target=time.sleep, args=(120,)).start()
print("ready", flush=True)
ctypes.CDLL(None).pthread_exit(None)
