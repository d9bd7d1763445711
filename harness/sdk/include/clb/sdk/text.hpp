// Classes as sentences, for methods that claim kTextTower: templates x names, as features of a frozen text tower, which the host computes
// once for all runs, or as token ids for a tower that is trained.
//
//   const auto texts = clb::class_texts(ctx(), clb::chosen_templates(ctx(), templates_), clb::classes_up_to(n), "main");
//   const auto rows = clb::text_ensemble(texts);  // [templates, n, d] -> [n, d], length 1
#pragma once

#include <clb/nn/tensors.hpp>
#include <clb/nn/weights.hpp>
#include <clb/sdk/context.hpp>
#include <clb/sdk/params.hpp>
#include <clb/sdk/sentence.hpp>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

namespace clb {

// Which sentences a method reads.
struct TemplateOptions {
  std::string templates = "all";  // all | first: those of the data set
  int64_t number = -1;            // a single one of them; -1: `templates` rules
  std::string prompt = {};        // a sentence in their place; empty: those of the data set
};

template <class T>
void add_options(Params<T>& p, TemplateOptions T::*templates) {
  auto in = p.in(templates);
  in.choice("templates", &TemplateOptions::templates, {"all", "first"},
            "the data set's sentences about a class: all, their features averaged, or the first");
  in.integer("template", &TemplateOptions::number, {-1, 1e6},
             "number of a single one, from 0, whatever templates says; -1: templates rules");
  in.string("prompt", &TemplateOptions::prompt, "a sentence with {} for the name in place of the data set's; empty: the data set's");
}

// With "{}" where the name belongs. PluginError CLB_E_INVALID: there is none of this number, or the prompt has no "{}".
inline std::vector<std::string> chosen_templates(const Context& ctx, const TemplateOptions& options) {
  if (!options.prompt.empty()) {
    filled(options.prompt, "");
    return {options.prompt};
  }
  const std::vector<std::string> all = ctx.templates();
  if (options.number >= static_cast<int64_t>(all.size()))
    throw PluginError(CLB_E_INVALID, "template is " + std::to_string(options.number) + ", but the data set has " +
                                         std::to_string(all.size()) + ", counted from 0");
  if (options.number >= 0) return {all[static_cast<size_t>(options.number)]};
  return options.templates == "first" ? std::vector<std::string>{all.front()} : all;
}

inline std::vector<int64_t> classes_up_to(int64_t count) {
  std::vector<int64_t> classes(static_cast<size_t>(count));
  std::iota(classes.begin(), classes.end(), 0);
  return classes;
}

// [templates, classes, d] float32, not normalised: what the frozen text tower of the role makes of these classes.
inline torch::Tensor class_texts(const Context& ctx, const std::vector<std::string>& templates, const std::vector<int64_t>& classes,
                                 const char* role) {
  std::vector<torch::Tensor> rows;
  for (const std::string& sentence : templates) rows.push_back(ctx.class_text_rows(sentence, classes, role));
  return at::stack(rows);
}

// [classes, context] int64: one sentence about each class, as the text tower of the role reads it.
inline torch::Tensor class_tokens(const Context& ctx, const std::string& sentence, const std::vector<int64_t>& classes, const char* role) {
  std::vector<std::string> sentences;
  for (const int64_t c : classes) sentences.push_back(filled(sentence, ctx.class_name(c)));
  return ctx.tokens(sentences, role);
}

// [classes, longest] int64: "X X ... X crow.", with `words` places before the name of each class for words that are learned
// (nn::ContextTokens). Whatever the vocabulary, an X is one token. Cut behind the longest: nothing behind the end token counts.
inline torch::Tensor context_tokens(const Context& ctx, int64_t words, const std::vector<int64_t>& classes, const char* role) {
  std::string sentence;
  for (int64_t k = 0; k < words; ++k) sentence += "X ";
  const torch::Tensor ids = class_tokens(ctx, sentence + "{}.", classes, role);
  return ids.narrow(1, 0, ids.argmax(1).max().item<int64_t>() + 1);
}

// Rows for the columns of a question, kept while questions ask for the same: of a method that knows classes to come by their names. No part
// of its state; forget() whenever that changes.
class AskedRows {
 public:
  // seen: [classes seen, d]; where the question goes beyond them make(columns) gives [columns, d].
  template <class Make>
  const torch::Tensor& of(const std::vector<int64_t>& columns, const torch::Tensor& seen, Make make) {
    if (columns == columns_) return rows_;
    const auto places = torch::tensor(columns, torch::dtype(torch::kInt64).device(seen.device()));
    rows_ = columns.back() < seen.size(0) ? seen.index_select(0, places) : make(columns);
    columns_ = columns;
    return rows_;
  }
  void forget() { columns_.clear(); }

 private:
  std::vector<int64_t> columns_;
  torch::Tensor rows_;
};

// exp(logit_scale) of a CLIP: what its cosines are multiplied with.
inline double logit_scale(const Context& ctx, const char* role) {
  const clb_weights weights = ctx.weights(role);
  const auto tensors = nn::read_safetensors({static_cast<const uint8_t*>(weights.bytes), weights.size}, std::string("weights.") + role);
  const auto scale = tensors.find("logit_scale");
  if (scale == tensors.end())
    throw PluginError(CLB_E_INVALID, std::string("[weights.") + role + "] has no logit_scale; expected a CLIP, openclip or openai_clip");
  return std::exp(scale->second.item<double>());
}

// The lines of an asset that is a file of captions.
inline std::vector<std::string> all_captions(const Context& ctx, const std::string& asset) {
  std::vector<std::string> lines;
  for (const Batch& b : ctx.captions(asset).batches(4096)) {
    const torch::Tensor bytes = b.part(CLB_PART_CAPTIONS).cpu().contiguous(), lengths = bytes.ne(0).sum(1);
    for (int64_t k = 0; k < b.n; ++k)
      lines.emplace_back(reinterpret_cast<const char*>(bytes[k].const_data_ptr<uint8_t>()),
                         static_cast<size_t>(lengths[k].item<int64_t>()));
  }
  return lines;
}

// The mean over templates of rows of length 1, brought to length 1 again: [templates, classes, d] -> [classes, d] (Radford et al., ICML
// 2021).
inline torch::Tensor text_ensemble(const torch::Tensor& texts) { return nn::unit_rows(nn::unit_rows(texts).mean(0)); }

}  // namespace clb
