// Which networks are read, one entry for each format of weight files: how a file is recognised and what its header says. The plan asks with
// the header alone; nn has an entry of the same name that makes the network (clb/nn/tower.hpp).
#pragma once

#include <clb/base/vit_weights.hpp>
#include <span>

namespace clb::base {

struct NetworkHints {  // what a file does not say
  std::string format;  // "": recognised
  int64_t heads = 0, text_heads = 0;
};

// A network as whoever computes features with it sees it.
struct NetworkShape {
  struct Kind {
    std::string name;   // of features: "cls" in "main:cls"
    int64_t width = 0;  // columns
  };
  struct Text {
    int64_t context = 0, vocabulary = 0, width = 0;  // most tokens of a text, ids that there are, columns of a feature
  };
  std::string format;
  VitShape image;           // the tower for images
  std::vector<Kind> kinds;  // what it gives for an image
  Text text{};              // the tower for texts; all 0: there is none
};

struct NetworkFormat {
  using Tensors = std::map<std::string, TensorEntry>;
  const char* name;  // "timm_vit"
  const char* what;  // for sentences
  bool text;         // has a text tower, and so needs a vocabulary
  bool (*recognises)(const Tensors& tensors);
  NetworkShape (*shape)(const Tensors& tensors, const NetworkHints& hints, const std::string& name);
};

std::span<const NetworkFormat> network_formats();
const NetworkFormat* find_network_format(const std::string& name);  // nullptr: there is none
bool has_text_tower(const std::string& format);                     // false for a format that is not known

// What the header of a file says. Its format is the one that hints or the file's metadata ("format") name, else the one that recognises it;
// where several do, an Error asks for it. Errors of the format follow; `name` opens their sentences.
NetworkShape network_shape(const SafetensorsHeader& header, const NetworkHints& hints, const std::string& name);

}  // namespace clb::base
