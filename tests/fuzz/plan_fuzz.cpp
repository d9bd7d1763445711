// An experiment file: it becomes a plan whose runs a runner accepts, or one sentence.
#include <cstdlib>
#include <filesystem>

#include "plan_catalogue.hpp"
#include "temp_folder.hpp"

namespace {

namespace fs = std::filesystem;
namespace plan = clb::plan;

// What the good experiment refers to.
struct World {
  World() {
    for (const char* name : {"cifar", "share/recipes", "share/presets/l2p"}) fs::create_directories(folder.path() / name);
    folder.write("vit.safetensors", plan::testing::tiny_vit());
    folder.write("share/recipes/plain.toml", "[train]\nresize = 32\n[eval]\nresize = 32\n");
    folder.write("share/recipes/crop.toml", "[train]\nrandom_resized_crop = 32\n");
    folder.write("share/presets/l2p/small.toml", "train_transform = \"plain\"\n[params]\nlr = 0.5\n");
  }
  clb::testing::TempFolder folder;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const World world;
  const fs::path file = world.folder.write("x.toml", {reinterpret_cast<const char*>(data), size});
  plan::testing::FakeCatalogue catalogue;
  plan::Plan made;
  try {
    made = plan::make_plan({file, {}, world.folder.path() / "share", 1}, catalogue);
  } catch (const clb::base::Error& error) {
    const std::string sentence = error.what();
    if (sentence.empty() || sentence.find('\n') != std::string::npos || error.exit() != clb::base::Exit::kUserMistake) std::abort();
    return 0;
  }
  if (!made.runs.empty()) clb::base::RunSpec::from_json(made.runs.front().to_json(), "run");
  return 0;
}
