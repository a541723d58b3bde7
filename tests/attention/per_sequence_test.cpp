// State of an edit by request and layer.
#include "attention/per_sequence.h"

#include <gtest/gtest.h>

namespace reel::attention::per_sequence_test {

const Site kFirst{.path = "layers.0.attn", .block = 0}, kSecond{.path = "layers.1.attn", .block = 1};
const Sequence kOne{.id = 1}, kTwo{.id = 2};
const Row kRowOne{.sequence = &kOne}, kRowTwo{.sequence = &kTwo};

TEST(PerSequenceTest, StateIsMadeWhenFirstAskedForAndKeptBySequenceAndSite) {
  PerSequence<int> state;
  EXPECT_EQ(state.find(1, kFirst), nullptr);
  EXPECT_EQ(state.at(kRowOne, kFirst), 0);
  state.at(kRowOne, kFirst) = 3, state.at(kRowOne, kSecond) = 4, state.at(kRowTwo, kFirst) = 5;
  EXPECT_EQ(*state.find(1, kFirst), 3);
  EXPECT_EQ(*state.find(1, kSecond), 4);
  EXPECT_EQ(*state.find(2, kFirst), 5);
  EXPECT_EQ(state.find(2, kSecond), nullptr);
  EXPECT_EQ(state.size(), 2u);
}

TEST(PerSequenceTest, AForkIsACopyThatGoesItsOwnWay) {
  PerSequence<std::vector<int>> state;
  state.at(kRowOne, kFirst) = {1, 2};
  state.at(kRowTwo, kSecond) = {9};
  state.fork(kOne, kTwo);
  EXPECT_EQ(state.at(kRowTwo, kFirst), (std::vector<int>{1, 2}));
  EXPECT_EQ(state.find(2, kSecond), nullptr) << "what the target held before is gone";
  state.at(kRowTwo, kFirst).push_back(3);
  EXPECT_EQ(state.find(1, kFirst)->size(), 2u);
}

TEST(PerSequenceTest, AForkOfASequenceWithoutStateHasNone) {
  PerSequence<int> state;
  state.at(kRowTwo, kFirst) = 7;
  state.fork(kOne, kTwo);
  EXPECT_EQ(state.find(2, kFirst), nullptr);
}

TEST(PerSequenceTest, BeginAndEndForget) {
  PerSequence<int> state;
  state.at(kRowOne, kFirst) = 3;
  state.begin(kOne);
  EXPECT_EQ(state.find(1, kFirst), nullptr);
  state.at(kRowOne, kFirst) = 4;
  state.end(kOne);
  EXPECT_EQ(state.find(1, kFirst), nullptr);
  EXPECT_EQ(state.size(), 0u);
  state.end(kTwo);
}

}  // namespace reel::attention::per_sequence_test
