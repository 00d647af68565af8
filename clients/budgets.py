"""How much may be done beyond what was asked for: retries and hedges are paid from what calls earn.

So that a service in trouble is asked at most a little more often than one in health, however many callers retry.
"""


class Budget:
    """Every call earns `percent` hundredths, extra work costs one. At most `saved_max` are saved; that is the start."""

    def __init__(self, percent: float, saved_max: float = 10.0) -> None:
        self._earned = percent / 100
        self._saved_max = saved_max
        self.saved = saved_max if percent > 0 else 0.0

    def earn(self) -> None:
        """Count one call."""
        if self.saved < self._saved_max:
            self.saved = min(self._saved_max, self.saved + self._earned)

    def spend(self) -> bool:
        """Take what one piece of extra work costs; False when there is not enough."""
        if self.saved < 1:
            return False
        self.saved -= 1
        return True
