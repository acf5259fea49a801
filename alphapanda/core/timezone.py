"""The one time zone that days and times of day are decided in."""

from zoneinfo import ZoneInfo

IST = ZoneInfo("Asia/Kolkata")
