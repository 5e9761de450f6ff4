"""What a job will come to: bytes, time, room, worked out from counters. Pure; knows no rows, no disk and no clock.

`sizes` says what an image weighs before it is here, `lanes` how long one host takes at its limits, `floor` how long all of them
take and what binds, `room` whether the disk is large enough.
"""

from asyncdl.forecast.floor import Bound, Floor, Forecaster, Letter, Process, WriteTo
from asyncdl.forecast.lanes import LaneCeilings, LaneForecast, Standing, ceilings_of
from asyncdl.forecast.room import Needs, Room, Space, reserve_bytes, reserve_files, room_for, shortage
from asyncdl.forecast.sizes import PRIOR, SizeEstimate, Spread

__all__ = [
    "PRIOR",
    "Bound",
    "Floor",
    "Forecaster",
    "LaneCeilings",
    "LaneForecast",
    "Letter",
    "Needs",
    "Process",
    "Room",
    "SizeEstimate",
    "Space",
    "Spread",
    "Standing",
    "WriteTo",
    "ceilings_of",
    "reserve_bytes",
    "reserve_files",
    "room_for",
    "shortage",
]
