"""Headers of the tus protocol: whatever a client writes there is read or refused, never anything else."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.errors import Invalid
from sightline.web import tus

NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=",;"), min_size=1, max_size=20)


@given(st.dictionaries(NAMES, st.text(max_size=40), max_size=8))
def test_metadata_comes_back_as_it_was_written(values):
    text = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in values.items())
    assert tus.metadata({"Upload-Metadata": text}) == values


@given(st.text(max_size=200))
def test_any_other_text_is_read_or_refused(text):
    for read in (
        lambda: tus.metadata({"Upload-Metadata": text}),
        lambda: tus.checksum({"Upload-Checksum": text}),
        lambda: tus.number({"Upload-Offset": text}, "Upload-Offset"),
    ):
        try:
            read()
        except Invalid as err:
            assert err.code == "bad_header"


@pytest.mark.parametrize("text", ["", "-1", "1.0", "0x1", "²", "1" * 16, " 1"])
def test_what_is_no_number_of_bytes(text):
    with pytest.raises(Invalid):
        tus.number({"Upload-Offset": text}, "Upload-Offset")
