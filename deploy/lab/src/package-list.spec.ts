import { imageRecipe } from './image-recipe';
import { parsePackageList } from './package-list';

describe('the image recipe', () => {
  it('reads one package per line, without comments', () => {
    expect(parsePackageList('# head\n\ncurl\njq   # JSON\n  #x\n')).toEqual(['curl', 'jq']);
  });

  it('has a key that names its inputs, and the packages that roles rely on', () => {
    const recipe = imageRecipe();
    expect(recipe.key).toMatch(/^node-[0-9a-f]{16}$/);
    expect(imageRecipe().key).toBe(recipe.key);
    expect(recipe.packages).toEqual(
      expect.arrayContaining(['postgresql-17', 'patroni', 'haproxy', 'etcd-server']),
    );
  });
});
