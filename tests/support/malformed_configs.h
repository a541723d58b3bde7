// Configuration files as hostile input: text that is no configuration, and values that no network can have.
#pragma once

#include <string>
#include <vector>

#include "tests/support/malformed_file.h"

namespace reel {

/// A file of a model folder with other content: `key` set to the JSON `text`, or all of it if `key` is empty.
struct MalformedConfig {
  std::string name, file, key, text, message;
};

inline void PrintTo(const MalformedConfig& config, std::ostream* stream) { *stream << config.name; }

/// Configurations that must be refused when a model is checked.
inline std::vector<MalformedConfig> malformed_configs() {
  const std::string unet = "unet/config.json", vae = "vae/config.json", clip = "text_encoder/config.json",
                    schedule = "scheduler/scheduler_config.json", index = "model_index.json",
                    defaults = "generation_config.json",
                    shards = "unet/diffusion_pytorch_model.safetensors.index.json";
  return {{"Empty", unet, "", "", "not valid JSON"},
          {"NotJson", unet, "", "hello", "not valid JSON"},
          {"Html", unet, "", "<!DOCTYPE html><html></html>", "not valid JSON"},
          {"List", unet, "", "[1]", "must hold a JSON object"},
          {"Truncated", unet, "", R"({"in_channels": 4)", "not valid JSON"},
          {"DuplicateKey", unet, "", R"({"in_channels": 4, "in_channels": 4})", "'in_channels' twice"},
          {"Deep", unet, "", "{\"a\":" + repeated("[", 100'000), "nested deeper"},
          {"BadUtf8", unet, "", "{\"a\":\"\xff\"}", "not valid JSON"},
          {"NumberTooLarge", unet, "", R"({"in_channels": 1e999})", "not valid JSON"},
          {"ManyValues", unet, "", "{\"a\":[[]" + repeated(",[]", 1'500'000) + "]}", "a million values"},
          {"ManyObjects", unet, "", "{" + many_members(600'000, "{\"a\":0}") + "}", "a million values"},
          {"LongText", unet, "", "{\"a\":\"" + std::string(17 << 20, 'x') + "\"}", "more than 16 MiB"},
          {"UnknownClass", unet, "_class_name", "\"Stranger\"", "Stranger"},
          {"ClassIsNumber", unet, "_class_name", "7", "a text"},
          {"ChannelsText", unet, "block_out_channels", "\"8\"", "an integer"},
          {"ChannelsEmpty", unet, "block_out_channels", "[]", "a list of 2"},
          {"ChannelsNegative", unet, "block_out_channels", "[-8, 12]", "block_out_channels"},
          {"ChannelsZero", unet, "block_out_channels", "[0, 12]", "block_out_channels"},
          {"ChannelsHuge", unet, "block_out_channels", "[9223372036854775807, 12]", "block_out_channels"},
          {"LayersHuge", unet, "layers_per_block", "1000000000", "layers_per_block"},
          {"LayersNegative", unet, "layers_per_block", "-1", "layers_per_block"},
          {"HeadsZero", unet, "num_attention_heads", "[0, 3]", "heads"},
          {"HeadsNegative", unet, "num_attention_heads", "[-2, 3]", "heads"},
          {"HeadsThatDoNotDivide", unet, "num_attention_heads", "[3, 5]", "heads"},
          {"GroupsZero", unet, "norm_num_groups", "0", "norm_num_groups"},
          {"GroupsThatDoNotDivide", unet, "norm_num_groups", "5", "norm_num_groups"},
          {"ContextHuge", unet, "cross_attention_dim", "1000000000000", "cross_attention_dim"},
          {"ContextZero", unet, "cross_attention_dim", "0", "cross_attention_dim"},
          {"BlockUnknown", unet, "down_block_types", R"(["Stranger", "DownBlockMotion"])", "Stranger"},
          {"BlocksMany", unet, "down_block_types",
           "[\"DownBlockMotion\"" + repeated(",\"DownBlockMotion\"", 10'000) + "]", "block_types"},
          {"FramesHuge", unet, "motion_max_seq_length", "1000000000000", "motion_max_seq_length"},
          {"FramesNegative", unet, "motion_max_seq_length", "-1", "motion_max_seq_length"},
          {"TransformersHuge", unet, "transformer_layers_per_block", "1000000000",
           "transformer_layers_per_block"},
          {"MotionTransformersHuge", unet, "temporal_transformer_layers_per_block", "1000000000",
           "temporal_transformer_layers_per_block"},
          {"InputsHuge", unet, "in_channels", "18446744073709551615", "in_channels"},
          {"SideHuge", unet, "sample_size", "9223372036854775807", "sample_size"},
          {"EpsilonText", unet, "norm_eps", "\"small\"", "norm_eps"},
          {"EpsilonNotFinite", unet, "norm_eps", "NaN", "norm_eps"},
          {"VaeBlocksMany", vae, "block_out_channels", "[8" + repeated(",8", 100'000) + "]",
           "block_out_channels"},
          {"VaeLayersHuge", vae, "layers_per_block", "1000000000", "layers_per_block"},
          {"VaeLatentZero", vae, "latent_channels", "0", "latent_channels"},
          {"VaeScaleText", vae, "scaling_factor", "\"1\"", "scaling_factor"},
          {"VaeScaleZero", vae, "scaling_factor", "0", "scaling_factor"},
          {"TextWidthHuge", clip, "hidden_size", "1099511627776", "hidden_size"},
          {"TextHeadsZero", clip, "num_attention_heads", "0", "num_attention_heads"},
          {"TextVocabularyHuge", clip, "vocab_size", "1125899906842624", "vocab_size"},
          {"TextLengthHuge", clip, "max_position_embeddings", "1099511627776", "max_position_embeddings"},
          {"TextLayersHuge", clip, "num_hidden_layers", "1000000000", "num_hidden_layers"},
          {"ScheduleNotJson", schedule, "", "{", "not valid JSON"},
          {"ScheduleUnknownClass", schedule, "_class_name", "\"Stranger\"", "Stranger"},
          {"ScheduleTimestepsHuge", schedule, "num_train_timesteps", "1000000000000", "num_train_timesteps"},
          {"ScheduleTimestepsZero", schedule, "num_train_timesteps", "0", "num_train_timesteps"},
          {"ScheduleBetasUnknown", schedule, "beta_schedule", "\"steep\"", "beta_schedule"},
          {"ScheduleBetaText", schedule, "beta_end", "\"high\"", "beta_end"},
          {"SchedulePredictionUnknown", schedule, "prediction_type", "\"future\"", "prediction_type"},
          {"IndexNotJson", index, "", "", "not valid JSON"},
          {"IndexList", index, "", "[]", "must hold a JSON object"},
          {"DefaultWidthHuge", defaults, "", R"({"width": 1000000000000})", "width"},
          {"DefaultFramesNegative", defaults, "", R"({"num_frames": -1})", "num_frames"},
          {"DefaultStepsZero", defaults, "", R"({"num_inference_steps": 0})", "num_inference_steps"},
          {"DefaultRateNotFinite", defaults, "", R"({"fps": Infinity})", "fps"},
          {"DefaultRateZero", defaults, "", R"({"fps": 0})", "fps"},
          {"PromptWordsNumbers", defaults, "", R"({"prompt_words": [1]})", "prompt_words"},
          {"PromptPartsList", defaults, "", R"({"prompt_parts": []})", "prompt_parts"},
          {"PromptPartsMostBelowLeast", defaults, "", R"({"prompt_parts": {"a": {"least": 2, "most": 1}}})",
           "most"},
          {"ShardOutside", shards, "", R"({"weight_map":{"a":"../../vae/config.json"}})", "not a file name"},
          {"ShardAbsent", shards, "", R"({"weight_map":{"a":"absent.safetensors"}})", "missing"},
          {"ShardsMany", shards, "",
           "{\"weight_map\":{" + many_members(90'000, "\"absent.safetensors\"") + "}}", "missing"},
          {"ShardsNone", shards, "", "{}", "empty weight_map"}};
}

}  // namespace reel
