"""Tests of what the comparison with other tools rests on. They need only Python; `make test` runs them."""

import hashlib
import unittest
from itertools import combinations, islice

import documents
import exact
import groups
import made


class MadeDocuments(unittest.TestCase):
    def test_the_same_seed_gives_the_same_documents(self):
        texts = "\n".join(f"{name} {text}" for name, text in made.documents(1_000, 1))
        digest = hashlib.sha256(texts.encode()).hexdigest()
        self.assertEqual(digest[:16], "588d9a368c2a1a39")

    def test_a_larger_set_begins_with_the_smaller_one(self):
        self.assertEqual(list(made.documents(50, 1)), list(islice(made.documents(500, 1), 50)))

    def test_another_seed_gives_other_documents(self):
        texts = [{text for _, text in made.documents(50, seed)} for seed in (1, 2)]
        self.assertFalse(texts[0] & texts[1])

    def test_a_near_copy_is_about_as_similar_as_was_asked_for(self):
        maker = made.Maker(3)
        for similarity in made.SIMILARITIES:
            similarities = []
            for _ in range(100):
                original = maker.words(150)
                copy = maker.derive(original, similarity)
                similarities.append(jaccard(*(documents.shingles(" ".join(words)) for words in (original, copy))))
            mean = sum(similarities) / len(similarities)
            self.assertAlmostEqual(mean, similarity, delta=0.04)


class Shingles(unittest.TestCase):
    def test_runs_of_three_words_without_regard_to_case(self):
        self.assertEqual(documents.shingles("Disk 7, db_3: FULL"), {"disk 7 db_3", "7 db_3 full"})

    def test_a_short_text_is_one_shingle_of_all_its_words(self):
        self.assertEqual(documents.shingles("Disk full!"), {"disk full"})
        self.assertEqual(documents.shingles(" ... "), set())


class ExactGroups(unittest.TestCase):
    def test_the_join_finds_the_groups_of_brute_force(self):
        sets = {name: documents.shingles(text) for name, text in made.documents(400, 4)}
        sets |= {"empty": set(), "lonely": {"of its own"}}
        similarities = {pair: jaccard(*map(sets.get, pair)) for pair in combinations(sets, 2)}
        for threshold in (0.3, 0.5, 0.75, 0.8, 0.9, 1.0):
            links = groups.UnionFind(sets)
            for pair, similarity in similarities.items():
                if similarity >= threshold:
                    links.link(*pair)
            expected = sorted(map(sorted, links.groups()))
            self.assertGreater(len(expected), 15)
            self.assertEqual(sorted(map(sorted, exact.groups(sets.items(), threshold))), expected)

    def test_a_similarity_of_just_the_threshold_links(self):
        sets = [("one", set("abcd")), ("other", set("abcde"))]
        self.assertEqual(exact.groups(sets, 0.8), [["one", "other"]])
        self.assertEqual(exact.groups(sets, 0.81), [])


class Agreement(unittest.TestCase):
    def test_pairs_in_the_same_group_count(self):
        # Of the 4 pairs that are found, 1 is among the 6 exact ones.
        agreement = groups.agreement(found=[["a", "b", "x"], ["c", "y"]], exact=[["a", "b", "c", "d"]])
        self.assertEqual(agreement, {"precision": 1 / 4, "recall": 1 / 6, "f1": 2 / 10})

    def test_the_exact_groups_agree_with_themselves(self):
        exact_groups = [["a", "b"], ["c", "d", "e"]]
        self.assertEqual(groups.agreement(exact_groups, exact_groups)["f1"], 1.0)

    def test_nothing_found_recalls_nothing(self):
        self.assertEqual(groups.agreement([], [["a", "b"]]), {"precision": 1.0, "recall": 0.0, "f1": 0.0})


def jaccard(one, other):
    return len(one & other) / len(one | other)


if __name__ == "__main__":
    unittest.main()
