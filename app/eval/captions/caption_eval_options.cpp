#include "app/eval/captions/caption_eval_options.h"

#include "app/session/options/value_option.h"

namespace reel::app {
namespace {

void add_shared_options(CLI::App& verb, CaptionEvalOptions& options) {
  verb.add_option("--world", options.world,
                  "emoji, or a folder with world.json, its atlas and pairs.json: scenes are drawn from it")
      ->capture_default_str();
  add_value(verb, "--scenes", options.scenes, "how many scenes to draw", {.range = {{1, 1'000'000}}});
  add_switch(verb, "--broken", options.broken,
             "scenes in which what usually comes together never does: every learnt expectation is wrong");
  verb.add_option("--images", options.images, "folder of the pictures of published files");
  add_texts(verb, "--edit", options.edits,
            "attention edit NAME[:option=value,...][@selector] (repeatable), as in reel caption");
  verb.add_option("--edits", options.variants,
                  "edits to compare with the first one, separated by commas; none: no edit")
      ->type_name("NAME,...");
  add_value(verb, "--batch", options.batch,
            "pictures that are looked at, and texts that are written, at once", {.range = {{1, 4096}}});
  add_value(verb, "--max-new-tokens", options.max_new_tokens, "of each text", {.range = {{1, 1'000'000}}});
  verb.add_option("--save", options.save, "folder in which drawn scenes are kept, with their truth");
  verb.add_option("-o,--output", options.output, "file of JSON lines: each text and how it was scored");
  add_switch(verb, "--overwrite,-y", options.overwrite, "replace existing files");
  add_common_options(verb, options.common, {.motion_adapter = false, .seed = false});
  options.common.model = "emoji-llava";
  options.common.seed = 0;
  add_value(verb, "--seed", options.common.seed, "of the scenes: numbers that repeat",
            {.type = ValueType::kSeed, .way_out = "leave it out for 0"})
      ->group("Common options");
}

void refuse_beside(const CLI::App& verb, std::initializer_list<const char*> names, const std::string& why) {
  for (const char* name : names) {
    if (verb.count(name) > 0)
      throw std::invalid_argument("[" + std::string(name) + "] " + why + "; leave one of them out");
  }
}

void check_shared_options(const CLI::App& verb, const CaptionEvalOptions& options) {
  if (!options.edits.empty() && !options.variants.empty())
    throw std::invalid_argument("[--edits] compares edits, and --edit applies one to all; give one of them");
  if (options.published())
    refuse_beside(verb, {"--world", "--scenes", "--broken", "--save", "--seed"},
                  "is for scenes that are drawn, and --data and --images name published ones");
}

constexpr std::initializer_list<const char*> kModelOptions = {
    "--model", "--models-dir", "--device", "--dtype", "--batch", "--max-new-tokens", "--edit", "--edits"};

}  // namespace

void add_chair_options(CLI::App& verb, CaptionEvalOptions& options) {
  add_shared_options(verb, options);
  add_texts(verb, "--data", options.data,
            "captions that are there already, as JSON or JSON lines of image_id and caption");
  verb.add_option("--instances", options.instances, "COCO's instances_*.json: what is in the pictures");
  verb.add_option("--captions", options.captions, "COCO's captions_*.json: what people name in them");
  verb.add_option("--synonyms", options.synonyms,
                  "words of the objects, a line each as in CHAIR's synonyms.txt; default: the bundled list");
  verb.add_option("--prompt,-p", options.prompt, "default: the model's own request for a description");
  add_switch(verb, "--truth", options.truth, "score true captions instead of a model's; runs none");
}

void add_pope_options(CLI::App& verb, CaptionEvalOptions& options) {
  add_shared_options(verb, options);
  add_texts(verb, "--data", options.data, "questions in POPE's format, coco_pope_*.json (repeatable)");
  CLI::Option* suffix = verb.add_option(
      "--suffix", options.suffix,
      "what follows each question; default: LLaVA's request for a single word with --data, else nothing");
  may_be_empty(suffix)->default_function([&options] { return options.suffix.value_or(""); });
}

void check_chair_options(const CLI::App& verb, const CaptionEvalOptions& options) {
  check_shared_options(verb, options);
  if (options.data.size() > 1)
    throw std::invalid_argument("[--data] must be one file of captions, got " +
                                std::to_string(options.data.size()) + "; join them");
  if (!options.data.empty()) {
    refuse_beside(verb, kModelOptions, "is for a model, and the captions of --data are there already");
    refuse_beside(verb, {"--images", "--prompt"},
                  "is for a model, and the captions of --data are there already");
  }
  if (!options.published())
    refuse_beside(
        verb, {"--instances", "--captions", "--synonyms"},
        "is for published pictures, and the truth of drawn scenes is known; add --data or --images");
  if (options.published() && options.instances.empty() && options.captions.empty())
    throw std::invalid_argument(
        "[--instances] is needed to know what is in the pictures: COCO's instances_*.json and, with "
        "--captions, "
        "captions_*.json");
  if (options.truth) {
    refuse_beside(verb, kModelOptions, "is for a model, and --truth runs none");
    refuse_beside(verb, {"--data", "--images", "--prompt"}, "has no true captions, which --truth scores");
  }
}

void check_pope_options(const CLI::App& verb, const CaptionEvalOptions& options) {
  check_shared_options(verb, options);
  if (options.data.empty() != options.images.empty())
    throw std::invalid_argument(
        "[--data] and --images belong together: questions, and the folder of the pictures "
        "that they name");
}

std::vector<std::vector<std::string>> variants_of(const CaptionEvalOptions& options) {
  if (options.variants.empty()) return {options.edits};
  std::vector<std::string> names;
  for (size_t begin = 0; begin <= options.variants.size();) {
    const size_t end = std::min(options.variants.find(',', begin), options.variants.size());
    const std::string part = options.variants.substr(begin, end - begin);
    const size_t equals = part.find('=');
    const bool goes_on = equals != std::string::npos && part.find_first_of(":@") > equals;
    if (goes_on && !names.empty())
      names.back() += "," + part;
    else
      names.push_back(part);
    begin = end + 1;
  }
  std::vector<std::vector<std::string>> variants;
  for (const std::string& name : names) {
    if (name.empty())
      throw std::invalid_argument("[--edits] must be names separated by commas, got '" + options.variants +
                                  "'; write none,NAME");
    variants.push_back(name == "none" ? std::vector<std::string>{} : std::vector{name});
  }
  return variants;
}

}  // namespace reel::app
