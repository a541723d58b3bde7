// What a shelf of components keeps, and what it lets go of.
#include "pipeline/run/model_shelf.h"

#include <c10/util/Exception.h>
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

namespace reel::pipeline::model_shelf_test {

using testing::ElementsAre;

class ModelShelfTest : public testing::Test {
 protected:
  std::vector<std::string> loaded;
  ModelShelf::Item take(ModelShelf& shelf, const std::string& key, size_t bytes, bool spare = false) {
    return shelf.take(
        key, spare, [&] { return bytes; },
        [&] {
          loaded.push_back(key);
          return ModelShelf::Item{std::make_shared<std::string>(key), {"about " + key}};
        });
  }
};

TEST_F(ModelShelfTest, KeepsWithinItsBudgetAndDropsWhatWasNotUsedForLongest) {
  ModelShelf shelf(100);
  take(shelf, "a", 40), take(shelf, "b", 40), take(shelf, "a", 40);
  EXPECT_EQ(shelf.bytes(), 80u);
  take(shelf, "c", 50);  // for which b goes
  EXPECT_EQ(shelf.bytes(), 90u);
  loaded.clear();
  take(shelf, "a", 40), take(shelf, "c", 50);
  EXPECT_THAT(loaded, ElementsAre());
  take(shelf, "huge", 500);
  EXPECT_EQ(shelf.bytes(), 500u) << "alone, since nothing else can make it fit";
  take(shelf, "a", 40);
  EXPECT_EQ(shelf.bytes(), 40u);
}

TEST_F(ModelShelfTest, TellsEveryTakerWhatLoadingHadToSay) {
  ModelShelf shelf(100);
  EXPECT_THAT(take(shelf, "a", 40).warnings, ElementsAre("about a"));
  EXPECT_THAT(take(shelf, "a", 40).warnings, ElementsAre("about a"));
  EXPECT_THAT(loaded, ElementsAre("a"));
}

TEST_F(ModelShelfTest, FreesOnlyWhatNobodyHolds) {
  ModelShelf shelf(100);
  const auto held = take(shelf, "a", 40);
  take(shelf, "b", 30);
  EXPECT_EQ(shelf.free(), 30u);
  EXPECT_EQ(shelf.bytes(), 40u);
  EXPECT_EQ(shelf.free(), 0u);
}

TEST_F(ModelShelfTest, GivesBackSpareComponentsWhenMemoryIsShort) {
  size_t left = 1000;
  ModelShelf shelf(10000, [&] { return left; });
  take(shelf, "text", 40, true), take(shelf, "net", 40);
  left = 30;
  take(shelf, "vae", 50);
  loaded.clear();
  take(shelf, "net", 40), take(shelf, "vae", 50), take(shelf, "text", 40, true);
  EXPECT_THAT(loaded, ElementsAre("text"));
}

TEST_F(ModelShelfTest, LoadsOnceMoreWhenTheDeviceWasFull) {
  ModelShelf shelf(1000);
  take(shelf, "a", 40);
  int tries = 0;
  const auto full_once = [&]() -> ModelShelf::Item {
    TORCH_CHECK_WITH(OutOfMemoryError, ++tries > 1, "full");
    return {std::make_shared<int>(1), {}};
  };
  const auto bytes = [] { return size_t{10}; };
  shelf.take("b", false, bytes, full_once);
  EXPECT_EQ(tries, 2);
  EXPECT_EQ(shelf.bytes(), 10u) << "a was let go";
  shelf.free(), tries = 0;
  EXPECT_THROW(shelf.take("c", false, bytes, full_once), c10::OutOfMemoryError) << "nothing can be let go";
  EXPECT_EQ(tries, 1);
}

TEST_F(ModelShelfTest, ServesSeveralThreads) {
  ModelShelf shelf(100);  // too little for all: components come and go
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int k = 0; k < 200; ++k) {
        const std::string key = std::to_string((k * (i + 1)) % 5);
        const auto load = [&] { return ModelShelf::Item{std::make_shared<std::string>(key), {}}; };
        const auto item = shelf.take(
            key, k % 2 == 0, [] { return size_t{40}; }, load);
        if (*std::static_pointer_cast<std::string>(item.component) != key || shelf.bytes() > 100) ++wrong;
        if (k % 50 == 0) shelf.free();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace reel::pipeline::model_shelf_test
