// The 256 numbers that states of optimizers in 8 bits take.

#ifndef QOPT_DIALECTS_TRAIN_DYNAMICMAP_H
#define QOPT_DIALECTS_TRAIN_DYNAMICMAP_H

#include <algorithm>
#include <cmath>
#include <vector>

namespace qopt::train {

/// The values of the codes of train.encode_state, from -128 on, in order.
inline std::vector<float> dynamicMap(bool isUnsigned) {
  std::vector<float> map{0, 1};
  for (int e = 0; e < 7; ++e) {
    int parts = 1 << (isUnsigned ? e + 1 : e);
    for (int i = 0; i < parts; ++i) {
      double value = (0.1 + 0.9 * (i + 0.5) / parts) * std::pow(10.0, e - 6);
      map.push_back(value);
      if (!isUnsigned)
        map.push_back(-value);
    }
  }
  std::sort(map.begin(), map.end());
  return map;
}

} // namespace qopt::train

#endif // QOPT_DIALECTS_TRAIN_DYNAMICMAP_H
