"""Pace with the other cars, by scripted drivers of the game itself and by hand-made RAM."""

import numpy as np
import pytest

from rlhp_ray.envs.atari_replay import AtariReplay
from rlhp_ray.preferences.enduro_pace import SPEED, pace

NO_OP, GAS, BRAKE = 0, 1, 4


def drive(driver, steps: int = 250) -> tuple[float, np.ndarray]:
    """Mean reward and the RAM of a drive; the driver is given the speed."""
    game = AtariReplay("enduro", 4)
    game.start(frames_played=5)
    ram = [game.memory()]
    for _ in range(steps):
        game.step(driver(int(ram[-1][SPEED])))
        ram.append(game.memory())
    rows = np.array(ram[1:])
    return float(pace(np.zeros(steps), np.zeros(steps), rows).mean()), rows


def even(speed: int) -> int:
    return GAS if speed < 24 else BRAKE if speed > 25 else NO_OP


def test_who_drives_evenly_is_paid_more_than_who_races_or_stands():
    pulsed, racing, standing = (drive(driver)[0] for driver in (even, lambda speed: GAS, lambda speed: NO_OP))
    assert pulsed > 0.9 and racing < 0.2 and standing == 0


@pytest.mark.parametrize(("speed", "cars_left"), [(18, [0x00]), (24, [0x00]), (40, [0x99, 0x00])])
def test_at_the_pace_of_the_others_no_car_is_passed(speed, cars_left):
    """The counter of cars to pass goes down from 200 as cars are passed."""
    rows = drive(lambda now: GAS if now < speed else NO_OP, steps=60)[1]
    assert sorted(set(rows[:, 43].tolist())) == sorted(cars_left)


@pytest.mark.parametrize(
    ("speed", "car", "paid"), [(24, 1, 1.0), (24, 0, 0.5), (30, 1, 0.5), (18, 1, 0.5), (6, 1, 0.0), (120, 1, 0.0)]
)
def test_figures(speed, car, paid):
    ram = np.zeros((2, 128), np.uint8)
    ram[:, SPEED], ram[:, 30] = speed, car
    np.testing.assert_allclose(pace(np.zeros(2), np.zeros(2), ram), [paid, paid])
