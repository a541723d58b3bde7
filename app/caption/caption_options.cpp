#include "app/caption/caption_options.h"

#include "app/session/options/value_option.h"

namespace reel::app {

void add_caption_options(CLI::App& verb, CaptionOptions& options) {
  verb.add_option("inputs", options.inputs,
                  "pictures, folders, patterns, lists (.txt, .jsonl), or - for a list on standard input")
      ->type_name("INPUT...");
  verb.add_option("--output,-o", options.output, "file of JSON lines; - for standard output")
      ->capture_default_str();
  verb.add_option("--prompt,-p", options.prompt,
                  "the question about each picture; default: the model's own request for a description");
  add_value(verb, "--task", options.task,
            "describe, yesno (a question that is answered in one word), or free (the prompt as it is)",
            {.choices = {"describe", "yesno", "free"}});
  add_texts(verb, "--edit", options.edits, "attention edit NAME[:option=value,...][@selector] (repeatable)");
  add_value(verb, "--batch", options.batch,
            "pictures that are looked at, and texts that are written, at once", {.range = {{1, 4096}}});
  add_value(verb, "--max-new-tokens", options.max_new_tokens,
            "of each text; default: as the model's folder says", {.range = {{1, 1'000'000}}});
  add_value(verb, "--temperature", options.temperature, "0: always the most likely word",
            {.range = {{0, 100}}});
  add_value(verb, "--top-p", options.top_p, "with a temperature: the share of probability to choose from",
            {.range = {{0, 1}}});
  add_value(verb, "--num-beams", options.num_beams, "texts that are searched beside each other",
            {.range = {{1, 256}}});
  add_value(verb, "--seed", options.common.seed,
            "of chance, with a temperature; 0 to 2^64-1; default: random, printed",
            {.type = ValueType::kSeed, .way_out = "leave it out for a random one"});
  add_switch(verb, "--resume", options.resume, "go on where the journal of an earlier run ends");
  verb.add_option("--journal", options.journal, "default: the output's name with .journal behind");
  add_switch(verb, "--retry-failed", options.retry_failed, "with --resume: try inputs that failed once more");
  add_switch(verb, "--sidecar", options.sidecar, "also write each text to a .txt beside its picture");
  add_switch(verb, "--overwrite,-y", options.overwrite, "replace existing files");
  add_switch(verb, "--token-ids", options.token_ids, "add the ids of each text");
  verb.add_option("--save-tensors", options.save_tensors,
                  "file for pixel_values, image_features, input_ids, logits and output_ids of every input");
  verb.add_option("--force-tokens", options.force_tokens,
                  "file with the tensor ids: the text is given, logits are computed for it");
}

std::string prompt_of(const CaptionOptions& options, const models::ModelFolder& folder,
                      const std::optional<std::string>& own) {
  std::string prompt = own ? *own : options.prompt;
  if (prompt.empty() && options.task != "describe")
    throw std::invalid_argument("[--task] " + options.task +
                                " needs a question for every picture; add --prompt, or a list with prompts");
  if (prompt.empty()) return folder.caption_input.request;
  // The words of LLaVA's own evaluation: Liu et al., 2023, scripts of LLaVA-1.5.
  if (options.task == "yesno") prompt += "\nAnswer the question using a single word or phrase.";
  return prompt;
}

guidance::DecodeSettings settings_of(const CaptionOptions& options, guidance::DecodeSettings settings) {
  settings.temperature = options.temperature;
  if (options.max_new_tokens) settings.max_new_tokens = *options.max_new_tokens;
  if (options.num_beams) settings.num_beams = *options.num_beams;
  if (options.top_p && options.temperature == 0)
    throw std::invalid_argument(
        "[--top-p] changes nothing at temperature 0; add --temperature, or leave it out");
  if (options.top_p) settings.top_p = *options.top_p;
  settings.check();
  return settings;
}

}  // namespace reel::app
