#include "models/hashing/hash.h"

#include <gtest/gtest.h>

namespace reel::models::hash_test {

// The examples of FIPS 180-4 and its test vectors.
TEST(HashTest, AgreesWithPublishedDigests) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(HashTest, DoesNotDependOnHowBytesAreFed) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += static_cast<char>(i);
  for (const size_t size :
       {size_t{55}, size_t{56}, size_t{63}, size_t{64}, size_t{65}, size_t{119}, size_t{300}}) {
    const std::string part = text.substr(0, size);
    for (const size_t cut : {size_t{0}, size_t{1}, size_t{31}, size / 2, size}) {
      Hash hash;
      hash.bytes(part.data(), std::min(cut, size));
      for (size_t i = std::min(cut, size); i < size; ++i) hash.bytes(part.data() + i, 1);
      EXPECT_EQ(hash.hex(), sha256(part)) << size << " cut at " << cut;
    }
  }
}

TEST(HashTest, FieldsHaveBorders) {
  EXPECT_NE(Hash().field("ab").field("c").hex(), Hash().field("a").field("bc").hex());
  EXPECT_NE(Hash().field("").hex(), Hash().hex());
}

}  // namespace reel::models::hash_test
