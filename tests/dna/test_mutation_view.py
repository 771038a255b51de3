import numpy as np
import pytest
import torch
from torch import nn
from toy_browser import send, synced

from genolab.dna import attribute
from genolab.dna.model import SequenceCNN
from genolab.dna.mutation_view.widget import Change, MutationView
from genolab.sequences.encode import one_hot


class Counts(nn.Module):
    """Two outputs: the number of As, and that of Cs."""

    def forward(self, x):
        return x[:, :2].sum(dim=2)


def view(sequence="ACGTAC", **options):
    return MutationView(Counts(), sequence, **options)


def receive(widget, *actions, **more):
    """Send what a browser sends; return the reply."""
    return send(widget, "apply", actions=list(actions), **more).content


# ---- prediction and contributions ----


def test_prediction_and_contributions_follow_a_change():
    widget = view()
    assert widget.prediction.tolist() == [2, 2]
    widget.mutate(2, "a")
    assert widget.sequence == "ACATAC"
    assert widget.prediction.tolist() == [3, 2]
    expected = np.zeros((4, 6))
    expected[0, [0, 2, 4]] = 0.75  # one A more than the mean over the four bases
    expected[[1, 3, 1], [1, 3, 5]] = -0.25
    np.testing.assert_allclose(widget.attribution, expected, atol=1e-6)
    assert widget.changes == [Change(2, "G", "A")]
    assert widget.reference == "ACGTAC"


@pytest.mark.parametrize("method", ["mutagenesis", "gradients"])
def test_contributions_are_those_that_attribute_gives(method):
    model = SequenceCNN(3, n_filters=8, width=5, hidden=8, seed=2)
    sequence = "ACGTTGCAAGCTACGATCAGGATC"
    widget = MutationView(model, sequence, target=2, method=method)
    expected = attribute(model, one_hot(sequence), target=2, method=method)[0]
    np.testing.assert_allclose(widget.attribution, expected, atol=1e-5)
    with torch.no_grad():
        shown = model.eval().logits(torch.tensor(one_hot(sequence))).softmax(dim=1)[0].numpy()
    np.testing.assert_allclose(widget.prediction, shown, atol=1e-6)


def test_labels_are_shown_by_sigmoid_and_values_as_they_are():
    np.testing.assert_allclose(view("AC", task="labels").prediction, 1 / (1 + np.exp([-1, -1])), rtol=1e-5)
    np.testing.assert_allclose(view("AAAC", task="classes").prediction.sum(), 1, rtol=1e-6)
    assert view("AAAC", task="values").prediction.tolist() == [3, 1]


def test_a_given_reference_is_what_changes_are_counted_from():
    widget = view("AAGTNN", reference="ACGTAC")
    assert widget.changes == [Change(1, "C", "A"), Change(4, "A", "N"), Change(5, "C", "N")]
    assert synced(widget, "_state")["before"] == [2, 2]


def test_a_target_may_be_named_and_changed():
    widget = view(names=["As", "Cs"], target="Cs")
    assert widget.attribution[1, 1] == pytest.approx(0.75)
    widget.target = 0
    assert widget.attribution[0, 0] == pytest.approx(0.75)
    assert str(widget) == "MutationView: 6 bases, 0 changed, As 2"
    with pytest.raises(ValueError, match=r"\['As', 'Cs'\] or its number, got 2"):
        widget.target = 2


def test_long_sequences_are_explained_by_gradients_unless_asked_otherwise():
    assert synced(view("A" * 401), "_state")["method"] == "gradients"
    assert synced(view("A" * 400), "_state")["method"] == "mutagenesis"
    assert synced(view("A" * 401, method="mutagenesis"), "_state")["method"] == "mutagenesis"


def test_a_model_that_trains_on_is_asked_anew_by_refresh():
    model = SequenceCNN(2, n_filters=4, width=5, hidden=4)
    widget = MutationView(model, "ACGTACGTAC")
    before = widget.prediction
    nn.init.constant_(model.members[0].to_outputs.bias, 0)
    with torch.no_grad():
        model.members[0].to_outputs.bias[1] = 5
    assert widget.prediction.tolist() == before.tolist()
    widget.refresh()
    assert widget.prediction[1] > 0.9
    assert model.training  # given back as it was


# ---- taking back ----


def test_changes_are_taken_back_and_done_again_one_by_one():
    widget = view()
    widget.mutate(0, "C")
    widget.mutate(0, "G")
    widget.mutate(0, "G")  # no change, so nothing to take back
    widget.undo()
    assert widget.sequence[0] == "C"
    widget.undo()
    widget.undo()  # nothing is left
    assert widget.sequence == widget.reference
    widget.redo()
    widget.redo()
    assert widget.sequence[0] == "G"
    assert widget.prediction.tolist() == [1, 2]


def test_a_new_change_ends_what_could_be_done_again():
    widget = view()
    widget.mutate(0, "C")
    widget.undo()
    widget.mutate(1, "G")
    widget.redo()
    assert widget.sequence == "AGGTAC"
    assert not synced(widget, "_state")["canRedo"]


def test_putting_the_reference_back_can_be_taken_back():
    widget = view()
    widget.mutate(0, "C")
    widget.mutate(3, "N")
    widget.reset()
    assert widget.changes == []
    widget.undo()
    assert len(widget.changes) == 2


def test_a_sequence_set_in_python_is_a_change_like_others():
    widget = view()
    widget.sequence = "aaaaaa"
    assert widget.prediction.tolist() == [6, 0]
    widget.undo()
    assert widget.sequence == "ACGTAC"


# ---- messages of the browser ----


def test_edits_of_one_message_ask_the_model_once_and_each_can_be_taken_back():
    widget = view()
    asked = []
    predict = widget._predict
    widget._predict = lambda sequence: asked.append(sequence) or predict(sequence)
    edit = {"do": "edit", "position": 0, "base": "C"}
    receive(widget, edit, {**edit, "position": 1, "base": "A"}, number=7)
    assert asked == ["CAGTAC"]
    widget.undo()
    assert widget.sequence == "CCGTAC"


def test_a_message_that_changes_nothing_is_still_answered():
    widget = view()
    assert receive(widget, {"do": "undo"}, number=3) == {"browser": "b", "number": 3, "result": None}


def test_an_impossible_edit_is_explained_on_the_message_line_and_changes_nothing():
    widget = view()
    receive(widget, {"do": "edit", "position": 99, "base": "A"}, number=2)
    assert widget.message == "positions of this sequence are 0 to 5, got 99"
    assert synced(widget, "_is_error")
    assert widget.sequence == widget.reference
    receive(widget, {"do": "edit", "position": 0, "base": "C"}, number=3)
    assert widget.message == ""
    assert widget.sequence == "CCGTAC"


def test_the_browser_may_ask_for_another_target():
    widget = view()
    receive(widget, target=1, number=1)
    assert widget.target == 1
    assert widget.attribution[1, 1] == pytest.approx(0.75)


def test_the_still_picture_and_the_line_of_text_go_where_no_widget_can():
    widget = view("ACGTACGTN" * 20)
    widget.mutate(100, "G")
    data, _ = widget._repr_mimebundle_()
    assert data["text/plain"] == "MutationView: 180 bases, 1 changed, output 0 40"
    assert len(data["image/png"]) > 5000


# ---- what is refused ----


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sequence": "ACGX"}, "'X'"),
        ({"sequence": ""}, "at least one base, got an empty one"),
        ({"sequence": np.zeros((2, 4, 5))}, "pass x\\[0\\]"),
        ({"sequence": "ACGT", "reference": "ACG"}, "of one length, got 4 and 3"),
        ({"sequence": "ACGT", "names": ["one"]}, "2 different ones"),
        ({"sequence": "ACGT", "names": ["one", "one"]}, "2 different ones"),
        ({"sequence": "ACGT", "method": "deeplift"}, "mutagenesis, gradients"),
        ({"sequence": "ACGT", "task": "ranks"}, "classes, labels, values"),
        ({"sequence": "ACGT", "target": "Gs"}, "got 'Gs'"),
    ],
)
def test_what_does_not_fit_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        MutationView(Counts(), **given)


def test_wrong_bases_and_lengths_are_refused_and_the_sequence_stays():
    widget = view()
    with pytest.raises(ValueError, match="A, C, G, T"):
        widget.mutate(0, "R")
    with pytest.raises(ValueError, match="of one length, got 2 and 6"):
        widget.sequence = "AC"
    assert widget.sequence == "ACGTAC"
