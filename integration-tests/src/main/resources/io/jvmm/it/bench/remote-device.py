# Starts QEMU with one device in a process of its own (docs/system/multi-process in QEMU's documentation): both ends of a
# socket pair have to be inherited. Argument: the kernel. The guest's serial port is on standard input and output.
import socket
import subprocess
import sys

proxy, device = socket.socketpair()
remote = subprocess.Popen(
    ["qemu-system-x86_64", "-machine", "x-remote", "-nodefaults", "-display", "none",
     "-device", "lsi53c895a,id=lsi0",
     "-object", "x-remote-object,id=remote,devid=lsi0,fd=%d" % device.fileno()],
    pass_fds=[device.fileno()], stdin=subprocess.DEVNULL)
device.close()
machine = subprocess.Popen(
    ["qemu-system-x86_64", "-accel", "kvm", "-machine", "pc,memory-backend=ram", "-m", "64",
     "-object", "memory-backend-memfd,id=ram,size=64M",
     "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot", "-kernel", sys.argv[1],
     "-device", "x-pci-proxy-dev,id=lsi0,fd=%d,addr=5" % proxy.fileno()],
    pass_fds=[proxy.fileno()])
proxy.close()
try:
    machine.wait()
finally:
    machine.kill()
    remote.kill()
