"""The prediction API: validates, predicts with ONNX, answers, and writes every prediction to the stream."""
