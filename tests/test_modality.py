from acadiff.modality import Modality


def test_the_order_is_fixed():
    assert [m.name for m in Modality] == ["MRI", "FDG", "AV45"]
    assert [m.index for m in Modality] == [0, 1, 2]


def test_the_sources_of_each_are_all_the_others():
    for modality in Modality:
        assert set(modality.others) | {modality} == set(Modality)
        assert modality not in modality.others
        assert [m.index for m in modality.others] == sorted(m.index for m in modality.others)


def test_pet_has_a_tracer_a_reference_region_and_suvr():
    for modality in Modality:
        assert modality.is_pet == (modality.suffix == "pet") == (modality.unit == "SUVR")
        assert modality.is_pet == (modality.reference_region is not None)


def test_no_two_share_a_file_name():
    assert len({(m.datatype, m.suffix, m.tracer) for m in Modality}) == len(Modality)
