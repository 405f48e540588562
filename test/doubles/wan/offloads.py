#!/usr/bin/python3
"""Turns off what makes a device's packets larger than its MTU, or leaves their checksums to be done by hardware.

    offloads.py DEVICE...

What `ethtool -K DEVICE tx off sg off tso off gso off gro off` does, for machines that lack it.
"""

import array
import fcntl
import socket
import struct
import sys

SIOCETHTOOL = 0x8946
# linux/ethtool.h: ETHTOOL_SGRO, _SGSO, _STSO, _SSG, _STXCSUM; the last takes with it whatever needs checksums.
SETTERS = (0x2C, 0x24, 0x1F, 0x19, 0x17)

control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for device in sys.argv[1:]:
    for setter in SETTERS:
        value = array.array("B", struct.pack("II", setter, 0))
        request = struct.pack("16sP", device.encode(), value.buffer_info()[0])
        fcntl.ioctl(control.fileno(), SIOCETHTOOL, request)
