// Every kind of change that a LoRA file can make, against its formula in float64.
#include <gmock/gmock.h>

#include "tests/support/lora_merge.h"
#include "tests/support/models.h"

namespace reel::models::lora_forms_test {

using testing::HasSubstr;

constexpr double kTolerance = 1e-5;
const std::string kLinear = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q";
const std::string kConv = "down_blocks.0.resnets.0.conv1";
const std::string kLinearKohya = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q";
const std::string kConvKohya = "lora_unet_down_blocks_0_resnets_0_conv1";

class LoraForms : public testing::Test {
 protected:
  LoraForms() { at::manual_seed(7); }
  static at::Tensor some(at::IntArrayRef shape) { return at::randn(shape); }
  static at::Tensor f64(const at::Tensor& tensor) { return tensor.to(at::kDouble); }

  const Tensors base_ = {{kLinear + ".weight", some({6, 4})},
                         {kConv + ".weight", some({6, 4, 3, 3})},
                         {kConv + ".bias", some({6})}};
  at::Tensor linear() const { return f64(base_.at(kLinear + ".weight")); }
  at::Tensor conv() const { return f64(base_.at(kConv + ".weight")); }
  void expect(const Tensors& found, const std::string& name, const at::Tensor& expected) const {
    EXPECT_LE(max_error(found.at(name), expected), kTolerance) << name;
    EXPECT_GT(max_error(base_.at(name), expected), 1e-2) << "the change is too small to be seen";
  }
};

at::Tensor row_norm(const at::Tensor& weight) {
  std::vector<int64_t> ones(size_t(weight.dim()), 1);
  ones[0] = -1;
  return weight.flatten(1).norm(2, 1).view(ones);
}

TEST_F(LoraForms, PairWithAlphaAndStrength) {
  for (const at::ScalarType stored : {at::kFloat, at::kHalf, at::kBFloat16}) {
    const at::Tensor down = some({3, 4}).to(stored), up = some({6, 3}).to(stored),
                     alpha = at::tensor(1.5f).to(stored);
    const Tensors found = merged(base_,
                                 {{kLinearKohya + ".lora_down.weight", down},
                                  {kLinearKohya + ".lora_up.weight", up},
                                  {kLinearKohya + ".alpha", alpha}},
                                 {}, 0.7);
    expect(found, kLinear + ".weight", linear() + 0.7 * 1.5 / 3 * at::matmul(f64(up), f64(down)));
    EXPECT_TRUE(at::equal(found.at(kConv + ".weight"), base_.at(kConv + ".weight")));
  }
}

TEST_F(LoraForms, ConvolutionWithAMiddle) {
  const at::Tensor down = some({2, 4, 1, 1}), mid = some({2, 2, 3, 3}), up = some({6, 2, 1, 1});
  const Tensors found = merged(base_, {{kConvKohya + ".lora_down.weight", down},
                                       {kConvKohya + ".lora_mid.weight", mid},
                                       {kConvKohya + ".lora_up.weight", up},
                                       {kConvKohya + ".alpha", at::tensor(4.0f)}});
  expect(found, kConv + ".weight",
         conv() + 2 * at::einsum("op,pqkl,qi->oikl", {f64(up).flatten(1), f64(mid), f64(down).flatten(1)}));
}

TEST_F(LoraForms, LoHaOfALinearLayerAndOfAConvolution) {
  Tensors lora = {
      {kLinearKohya + ".hada_w1_a", some({6, 2})},        {kLinearKohya + ".hada_w1_b", some({2, 4})},
      {kLinearKohya + ".hada_w2_a", some({6, 2})},        {kLinearKohya + ".hada_w2_b", some({2, 4})},
      {kLinearKohya + ".alpha", at::tensor(1.0f)},        {kConvKohya + ".hada_w1_a", some({3, 6}) * 0.5},
      {kConvKohya + ".hada_w1_b", some({3, 4}) * 0.5},    {kConvKohya + ".hada_w2_a", some({3, 6}) * 0.5},
      {kConvKohya + ".hada_w2_b", some({3, 4}) * 0.5},    {kConvKohya + ".hada_t1", some({3, 3, 3, 3}) * 0.5},
      {kConvKohya + ".hada_t2", some({3, 3, 3, 3}) * 0.5}};
  const auto part = [&](const std::string& module, const char* name) { return f64(lora.at(module + name)); };
  const Tensors found = merged(base_, lora, {}, 0.5);
  expect(found, kLinear + ".weight",
         linear() + 0.5 * 0.5 *
                        at::matmul(part(kLinearKohya, ".hada_w1_a"), part(kLinearKohya, ".hada_w1_b")) *
                        at::matmul(part(kLinearKohya, ".hada_w2_a"), part(kLinearKohya, ".hada_w2_b")));
  const auto cube = [&](const std::string& n) {
    return at::einsum("ijkl,jr,ip->prkl", {part(kConvKohya, (".hada_t" + n).c_str()),
                                           part(kConvKohya, (".hada_w" + n + "_b").c_str()),
                                           part(kConvKohya, (".hada_w" + n + "_a").c_str())});
  };
  expect(found, kConv + ".weight", conv() + 0.5 * cube("1") * cube("2"));
}

TEST_F(LoraForms, LoKrWholeInPairsAndWithAMiddle) {
  const at::Tensor w1 = some({3, 2}), w2a = some({2, 2}), w2b = some({2, 2});
  Tensors found = merged(base_, {{kLinearKohya + ".lokr_w1", w1},
                                 {kLinearKohya + ".lokr_w2_a", w2a},
                                 {kLinearKohya + ".lokr_w2_b", w2b},
                                 {kLinearKohya + ".alpha", at::tensor(1.0f)}});
  expect(found, kLinear + ".weight", linear() + 0.5 * at::kron(f64(w1), at::matmul(f64(w2a), f64(w2b))));
  // Of two whole factors alpha counts for nothing.
  const at::Tensor w2 = some({2, 2, 3, 3});
  found = merged(base_, {{kConvKohya + ".lokr_w1", w1},
                         {kConvKohya + ".lokr_w2", w2},
                         {kConvKohya + ".alpha", at::tensor(9.0f)}});
  expect(found, kConv + ".weight",
         conv() + at::einsum("ab,cdkl->acbdkl", {f64(w1), f64(w2)}).reshape({6, 4, 3, 3}));
  const at::Tensor w1a = some({3, 1}), w1b = some({1, 2}), t2 = some({2, 2, 3, 3}), c = some({2, 2}),
                   d = some({2, 2});
  found = merged(base_, {{kConvKohya + ".lokr_w1", w1},
                         {kConvKohya + ".lokr_t2", t2},
                         {kConvKohya + ".lokr_w2_a", c},
                         {kConvKohya + ".lokr_w2_b", d},
                         {kConvKohya + ".alpha", at::tensor(1.0f)}});
  const at::Tensor cube = at::einsum("ijkl,jr,ip->prkl", {f64(t2), f64(d), f64(c)});
  expect(found, kConv + ".weight",
         conv() + 0.5 * at::einsum("ab,cdkl->acbdkl", {f64(w1), cube}).reshape({6, 4, 3, 3}));
  found = merged(base_, {{kLinearKohya + ".lokr_w1_a", w1a},
                         {kLinearKohya + ".lokr_w1_b", w1b},
                         {kLinearKohya + ".lokr_w2", w2a}});
  expect(found, kLinear + ".weight", linear() + at::kron(at::matmul(f64(w1a), f64(w1b)), f64(w2a)));
}

TEST_F(LoraForms, WholeChangesAndThoseOfBiases) {
  const at::Tensor diff = some({6, 4, 3, 3}), diff_b = some({6});
  const Tensors found =
      merged(base_, {{kConvKohya + ".diff", diff}, {kConvKohya + ".diff_b", diff_b}}, {}, 0.25);
  expect(found, kConv + ".weight", conv() + 0.25 * f64(diff));
  expect(found, kConv + ".bias", f64(base_.at(kConv + ".bias")) + 0.25 * f64(diff_b));
  const Tensors norm = {{"down_blocks.0.resnets.0.norm1.weight", some({8})},
                        {"down_blocks.0.resnets.0.norm1.bias", some({8})}};
  const at::Tensor w = some({8}), b = some({8});
  const Tensors changed = merged(norm, {{"lora_unet_down_blocks_0_resnets_0_norm1.w_norm", w},
                                        {"lora_unet_down_blocks_0_resnets_0_norm1.b_norm", b}});
  EXPECT_LE(max_error(changed.at("down_blocks.0.resnets.0.norm1.weight"),
                      f64(norm.begin()->second.new_zeros({8})) +
                          f64(norm.at("down_blocks.0.resnets.0.norm1.weight")) + f64(w)),
            kTolerance);
  EXPECT_LE(max_error(changed.at("down_blocks.0.resnets.0.norm1.bias"),
                      f64(norm.at("down_blocks.0.resnets.0.norm1.bias")) + f64(b)),
            kTolerance);
}

TEST_F(LoraForms, TheBiasOfPeftsFactors) {
  const at::Tensor down = some({2, 4, 3, 3}), up = some({6, 2, 1, 1}), bias = some({6});
  const std::map<std::string, std::string> header = {
      {"lora_adapter_metadata", R"({"unet.r": 2, "unet.lora_alpha": 6, "unet.lora_bias": true})"}};
  const Tensors found = merged(base_,
                               {{"unet." + kConv + ".lora_A.weight", down},
                                {"unet." + kConv + ".lora_B.weight", up},
                                {"unet." + kConv + ".lora_B.bias", bias}},
                               header, 0.5);
  expect(found, kConv + ".weight",
         conv() + 1.5 * at::matmul(f64(up).flatten(1), f64(down).flatten(1)).view({6, 4, 3, 3}));
  expect(found, kConv + ".bias", f64(base_.at(kConv + ".bias")) + 1.5 * f64(bias));
  EXPECT_THAT(merge_error(base_, {{"unet." + kLinear + ".lora_A.weight", some({2, 4})},
                                  {"unet." + kLinear + ".lora_B.weight", some({6, 2})},
                                  {"unet." + kLinear + ".lora_B.bias", bias}}),
              HasSubstr("changes the bias of " + kLinear + ", which has none"));
}

TEST_F(LoraForms, DoraOfALinearLayerAndOfAConvolution) {
  const at::Tensor down = some({2, 4}), up = some({6, 2}), length = some({6}).abs() + 0.5,
                   conv_down = some({2, 4, 3, 3}), conv_up = some({6, 2, 1, 1}),
                   conv_length = some({1, 6, 1, 1}).abs() + 0.5;
  const Tensors found = merged(base_,
                               {{"unet." + kLinear + ".lora_A.weight", down},
                                {"unet." + kLinear + ".lora_B.weight", up},
                                {"unet." + kLinear + ".lora_magnitude_vector", length},
                                {"unet." + kConv + ".lora_A.default_0.weight", conv_down},
                                {"unet." + kConv + ".lora_B.default_0.weight", conv_up},
                                {"unet." + kConv + ".lora_magnitude_vector.default_0.weight", conv_length}},
                               {}, 0.7);
  const at::Tensor sum = linear() + 0.7 * at::matmul(f64(up), f64(down));
  expect(found, kLinear + ".weight", f64(length).view({6, 1}) * sum / row_norm(sum));
  const at::Tensor conv_sum =
      conv() + 0.7 * at::matmul(f64(conv_up).flatten(1), f64(conv_down).flatten(1)).view({6, 4, 3, 3});
  expect(found, kConv + ".weight", f64(conv_length).view({6, 1, 1, 1}) * conv_sum / row_norm(conv_sum));
}

TEST_F(LoraForms, DoraScalesOfOutputsAndOfInputs) {
  const at::Tensor down = some({2, 4}), up = some({6, 2}), outputs = some({6, 1}).abs() + 0.5,
                   inputs = some({1, 4}).abs() + 0.5;
  const at::Tensor sum = linear() + 0.25 * at::matmul(f64(up), f64(down));
  Tensors lora = {{kLinearKohya + ".lora_down.weight", down},
                  {kLinearKohya + ".lora_up.weight", up},
                  {kLinearKohya + ".alpha", at::tensor(0.5f)}};
  lora[kLinearKohya + ".dora_scale"] = outputs;
  expect(merged(base_, lora), kLinear + ".weight", f64(outputs) * sum / row_norm(sum));
  lora[kLinearKohya + ".dora_scale"] = inputs;
  expect(merged(base_, lora), kLinear + ".weight", f64(inputs) * sum / sum.norm(2, 0, true));
}

TEST_F(LoraForms, ADoraBesideOtherLorasIsOneOfTheWeightAsItWas) {
  const TemporaryFolder folder;
  const at::Tensor down = some({2, 4}), up = some({6, 2}), length = some({6}).abs() + 0.5;
  const Tensors plain = {{"unet." + kLinear + ".lora_A.weight", down},
                         {"unet." + kLinear + ".lora_B.weight", up}};
  Tensors dora = plain;
  dora["unet." + kLinear + ".lora_magnitude_vector"] = length;
  write_safetensors(folder / "plain.safetensors", plain);
  write_safetensors(folder / "dora.safetensors", dora);
  write_safetensors(folder / "base.safetensors", base_);
  LoraSet loras(LoraTarget::kDenoiser);
  loras.add(folder / "plain.safetensors", 2);
  loras.add(folder / "dora.safetensors", 1);
  const auto patch = loras.patch();
  patch->begin(Checkpoint::open(folder / "base.safetensors"));
  at::Tensor weight = base_.at(kLinear + ".weight").clone();
  patch->apply(kLinear + ".weight", weight);
  const at::Tensor change = at::matmul(f64(up), f64(down)), sum = linear() + change;
  EXPECT_LE(max_error(weight, f64(length).view({6, 1}) * sum / row_norm(sum) + 2 * change), kTolerance);
}

TEST_F(LoraForms, AnEmbeddingOfATextEncoder) {
  const Tensors text = {{"embeddings.token_embedding.weight", some({9, 4})}};
  const at::Tensor a = some({2, 9}), b = some({4, 2});
  const std::string layer = "text_encoder.text_model.embeddings.token_embedding.";
  const Tensors found = merged(text, {{layer + "lora_embedding_A", a}, {layer + "lora_embedding_B", b}}, {},
                               0.5, LoraTarget::kTextEncoder);
  EXPECT_LE(
      max_error(found.begin()->second, f64(text.begin()->second) + 0.5 * at::matmul(f64(b), f64(a)).t()),
      kTolerance);
}

TEST_F(LoraForms, RefusesIncompleteMixedAndMisshapenFactors) {
  const std::string l = kLinearKohya, u = "unet." + kLinear;
  const at::Tensor down = some({2, 4}), up = some({6, 2});
  const auto error = [&](const Tensors& lora) { return merge_error(base_, lora); };
  EXPECT_THAT(error({{l + ".lora_down.weight", down}}), HasSubstr("lacks its up factor"));
  EXPECT_THAT(error({{l + ".alpha", at::tensor(1.f)}, {l + ".dora_scale", some({6, 1})}}),
              HasSubstr("no factors"));
  EXPECT_THAT(error({{l + ".hada_w1_a", some({6, 2})}, {l + ".hada_w1_b", some({2, 4})}}),
              HasSubstr("lacks its hada_w2_a"));
  EXPECT_THAT(error({{l + ".lokr_w1", some({3, 2})}}), HasSubstr("lacks its lokr_w2 "));
  EXPECT_THAT(
      error({{l + ".lora_down.weight", down}, {l + ".lora_up.weight", up}, {l + ".lokr_w1", some({3, 2})}}),
      HasSubstr("mixes the factors of a LoRA and of a LoKr"));
  EXPECT_THAT(error({{l + ".lora_down.weight", down}, {l + ".lora_up.weight", some({6, 3})}}),
              HasSubstr("do not match"));
  EXPECT_THAT(error({{l + ".lora_down.weight", down}, {l + ".lora_up.weight", some({6, 2, 3, 3})}}),
              HasSubstr("do not match"));
  EXPECT_THAT(error({{l + ".lora_down.weight", some({2, 5})}, {l + ".lora_up.weight", up}}),
              HasSubstr("trained for another model"));
  EXPECT_THAT(error({{u + ".lora_A.weight", down},
                     {u + ".lora_B.weight", up},
                     {u + ".lora_magnitude_vector", some({5})}}),
              HasSubstr("one value for each of the 6 outputs"));
  EXPECT_THAT(error({{l + ".lora_down.weight", down.to(at::kChar)}, {l + ".lora_up.weight", up}}),
              HasSubstr("quantised"));
  EXPECT_THAT(error({{l + ".lora_down.weight", down * NAN}, {l + ".lora_up.weight", up}}),
              HasSubstr("no finite numbers"));
  EXPECT_THAT(error({{l + ".lora_down.weight", down},
                     {l + ".lora_up.weight", up},
                     {l + ".alpha", at::tensor(INFINITY)}}),
              HasSubstr("alpha that is no finite number"));
  EXPECT_THAT(
      error({{l + ".lora_down.weight", down}, {l + ".lora_up.weight", up}, {l + ".alpha", some({6})}}),
      HasSubstr("must be one number"));
}

}  // namespace reel::models::lora_forms_test
