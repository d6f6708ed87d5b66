"""That no digit of a score reaches a masked frame: the bytes that draw it are changed in the console's memory."""

import ale_py
import numpy as np
import pytest
from ale_py import roms

from rlhp_ray.envs.score_mask import SCORE_PARTS, frame_mask

SCORE_BYTES = {  # of the RAM, found by changing each in turn and looking at what changes on the screen
    "pong": (13, 14),
    "enduro": (39, 40, 41, 42, 43, 44, 45),
    "beam_rider": (0, 9, 10, 11, 84),
    "breakout": (76, 77),
    "qbert": (89, 90, 91),
    "seaquest": (56, 57, 58),
    "space_invaders": (102, 103, 104, 105),
}
FRAMES_SHOWN = {"pong": 400}  # it draws its digits anew at the next point; elsewhere 2, before other play follows


def frames_after(ale: ale_py.ALEInterface, state: ale_py.ALEState, changes: dict[int, int], count: int) -> np.ndarray:
    """`[count, 210, 160]` from the state on, with these bytes of the RAM changed and nothing pressed."""
    ale.restoreState(state)
    for byte, value in changes.items():
        ale.setRAM(byte, value)
    frames = []
    for _ in range(count):
        ale.act(ale_py.Action.NOOP)
        frames.append(ale.getScreenGrayscale())
    return np.array(frames)


def played(rom: str) -> ale_py.ALEInterface:
    """A game under way."""
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    ale = ale_py.ALEInterface()
    ale.setFloat("repeat_action_probability", 0.0)
    ale.setInt("random_seed", 1)
    ale.loadROM(roms.get_rom_path(rom))
    rng = np.random.default_rng(0)
    actions = ale.getMinimalActionSet()
    for _ in range(900):
        ale.act(actions[1] if rom == "enduro" else actions[rng.integers(len(actions))])
        if ale.game_over():
            ale.reset_game()
    return ale


@pytest.mark.parametrize("rom", SCORE_PARTS)
def test_a_changed_score_changes_no_masked_frame(rom, shrunk):
    ale, mask = played(rom), frame_mask(rom)
    state, memory = ale.cloneState(), ale.getRAM()
    count = FRAMES_SHOWN.get(rom, 2)
    as_it_is = frames_after(ale, state, {}, count)
    for byte in SCORE_BYTES[rom]:
        seen = False
        for value in (int(memory[byte]) ^ 0x01, int(memory[byte]) ^ 0x02):
            changed = frames_after(ale, state, {byte: value}, count)
            differ = (changed != as_it_is).any(axis=(1, 2))
            for mine, other in zip(changed[differ], as_it_is[differ], strict=True):
                mine, other = shrunk(mine), shrunk(other)
                np.testing.assert_array_equal(mine & mask, other & mask, err_msg=f"byte {byte}")
                seen = seen or bool((mine != other).any())
        assert seen, f"byte {byte} is shown nowhere, so this test shows nothing"


@pytest.mark.parametrize("rom", SCORE_PARTS)
def test_the_mask_leaves_the_game_to_be_seen(rom):
    mask = frame_mask(rom)
    assert set(np.unique(mask)) == {0, 255}
    assert (mask == 0).mean() < 0.3


def test_masks_are_rounded_outward():
    mask = frame_mask("breakout")  # rows 4 to 15 of the screen: 1.6 to 6.4 of the frame
    assert np.flatnonzero((mask == 0).all(axis=1)).tolist() == [1, 2, 3, 4, 5, 6]


def test_a_game_without_a_mask_has_none():
    assert frame_mask("freeway") is None
