// What a call says of itself.
#include "attention/call.h"

#include "tests/attention/by_definition.h"

namespace reel::attention::call_test {

TEST(ScaleTest, IsTheCallsOwnOrThatOfItsWidth) {
  Call call = random_call({.width = 16});
  EXPECT_EQ(scale_of(call), 0.25);
  call.scale = 0.1;
  EXPECT_EQ(scale_of(call), 0.1);
  call.scale = 0;
  EXPECT_EQ(scale_of(call), 0);
}

TEST(SiteTest, HasAsManyKeyHeadsAsHeadsUnlessItSaysOtherwise) {
  EXPECT_EQ(site_of(6).key_heads(), 6);
  EXPECT_EQ(site_of(6, 2).key_heads(), 2);
  EXPECT_EQ(heads_per_key(random_call({.heads = 6, .key_heads = 2})), 3);
}

TEST(KindTest, EveryKindHasANameOfItsOwn) {
  std::set<std::string> names;
  for (const SiteKind kind : {SiteKind::kSpatial, SiteKind::kTemporal, SiteKind::kCross, SiteKind::kJoint,
                              SiteKind::kCausal, SiteKind::kText, SiteKind::kAutoencoder, SiteKind::kVision})
    names.insert(kind_name(kind));
  EXPECT_EQ(names.size(), 8u);
  EXPECT_EQ(names.count("unknown"), 0u);
}

TEST(WithRotaryTest, LeavesACallWithoutRotaryAsItIs) {
  Call call = random_call({});
  call.positions = at::zeros({1, 1, 1, 5, 1});
  const Call turned = with_rotary(call);
  EXPECT_TRUE(turned.q.is_same(call.q) && turned.k.is_same(call.k));
  EXPECT_FALSE(turned.positions.defined());
}

}  // namespace reel::attention::call_test
