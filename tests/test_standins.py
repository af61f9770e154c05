"""The programs that stand for the vendors serve, and keep what they hold over a restart."""

import pytest
import standins


@pytest.mark.parametrize("vendor", standins.PROGRAMS)
def test_a_stand_in_serves_again_on_the_same_port_after_kill_9(vendor, tmp_path):
    one = standins.make(vendor, tmp_path)
    try:
        port = one.start().port
        one.kill()
        one.start()
        assert one.port == port and one.is_ready()
        assert f'kind = "{one.kind}"' in one.site()
    finally:
        one.kill()


def test_two_stand_ins_of_a_kind_have_their_own_ports_and_data(tmp_path):
    one, other = (standins.make("google", tmp_path, name) for name in ("one", "other"))
    try:
        one.start(), other.start()
        one.make_bucket("only-here")
        seen = [standins.plain("GET", f"{each.endpoint}/storage/v1/b/only-here") for each in (one, other)]
        assert seen == [200, 404]
    finally:
        standins.stop_all({"one": one, "other": other})
